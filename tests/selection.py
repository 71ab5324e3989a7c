"""Which tests `.ci/run` does not repeat with TensorFlow 2, or in the layout NCHW.

All tests run with TensorFlow 1.15 in NHWC. A further environment runs those whose result it can change. What is listed
here is left out there by `--second-time`: tests of files, text, processes and arithmetic, and tests that run only
operations which another test runs there too. A test that is not listed runs in each environment.
"""

# Beginnings of test ids: folders, files, tests, or tests with the beginning of their parameters.
NOT_WITH_TENSORFLOW_2 = (
    # Files, pages, downloads, processes and command lines, without TensorFlow.
    'tests/benchmarks/test_gpu_check.py::test_the_whole_check_passes_on_a_cpu_and_writes_its_rows',
    'tests/dnnlib/download/',
    'tests/dnnlib/exports/',
    'tests/dnnlib/jobs/test_workers.py',
    'tests/dnnlib/pages/',
    'tests/dnnlib/test_folders.py',
    'tests/dnnlib/test_processes.py',
    'tests/dnnlib/tflib/test_collective_processes.py',
    'tests/dnnlib/test_pickle_machine.py',
    'tests/dnnlib/test_verb.py',
    'tests/faults/',
    'tests/metrics/test_run_report_browser.py',
    'tests/prefilter/test_archives.py',
    'tests/prefilter/test_csv_lists.py',
    'tests/prefilter/test_download.py',
    'tests/prefilter/test_earlier_version.py',
    'tests/prefilter/test_imperfect_layouts.py',
    'tests/prefilter/test_imperfect_lists.py',
    'tests/prefilter/test_labels.py',
    'tests/prefilter/test_lists_of_other_programs.py',
    'tests/prefilter/test_prefilter_cli.py',
    'tests/prefilter/test_prefilter_pipeline.py',
    'tests/prefilter/test_prefilter_refusals.py',
    'tests/prefilter/test_numbers_of_reports.py',
    'tests/prefilter/test_report.py',
    'tests/prefilter/test_report_browser.py',
    'tests/prefilter/test_source_faults.py',
    'tests/prefilter/test_subset.py',
    'tests/synthesis/test_audit.py',
    'tests/synthesis/test_audit_embeddings.py',
    'tests/synthesis/test_calibrate.py',
    'tests/synthesis/test_generate_faults.py',
    'tests/synthesis/test_generate_stops.py',
    'tests/synthesis/test_other_numbers.py',
    'tests/synthesis/test_prune.py',
    'tests/synthesis/test_prune_likeness.py',
    'tests/synthesis/test_selection.py',
    'tests/synthesis/test_study_size.py',
    *(
        f'tests/synthesis/test_generate.py::test_{name}'
        for name in (
            'images_do_not_depend_on_how_many_there_are',
            'a_set_is_enlarged_and_its_first_images_are_not_made_again',
            'a_set_of_several_volumes_is_enlarged',
            'a_stopped_run_goes_on',
            'a_damaged_shard_is_made_again',
            'other_options_are_refused_and_lose_nothing',
            'what_is_no_set_is_never_replaced',
            'exports_of_a_set_can_be_made_later',
            'shard_files_hold_columns',
        )
    ),
    'tests/metrics/test_named_directions.py',
    'tests/metrics/figures/test_video.py',
    'tests/test_docs.py',
    'tests/test_environments.py',
    'tests/test_train_advice.py',
    'tests/test_train_progan.py',
    'tests/training/test_auxiliary.py::test_C_is_trained_beside_G_and_its_state_is_kept',
    'tests/training/test_networks_progan.py::test_losses',
    'tests/training/test_step.py::test_every_loss_trains',
    'tests/training/test_step.py::test_a_loss_scale_that_is_too_large',
    'tests/training/test_step.py::test_states_cross_between_precisions',
    'tests/test_late_tensorflow.py::test_what_is_refused_is_refused_before_tensorflow_starts',
    'tests/test_rooms.py',
    # Arithmetic.
    'tests/metrics/arithmetic/test_calibration.py',
    'tests/metrics/arithmetic/test_identity_scores.py',
    'tests/metrics/arithmetic/test_leakage.py',
    'tests/metrics/arithmetic/test_neighbourhoods.py',
    'tests/metrics/arithmetic/test_all_pairs.py',
    'tests/metrics/arithmetic/test_planes.py',
    'tests/metrics/arithmetic/test_pruning.py',
    'tests/metrics/arithmetic/test_published_audit.py',
    'tests/metrics/arithmetic/test_row_sampling.py',
    'tests/metrics/arithmetic/test_thresholds.py',
    'tests/metrics/arithmetic/test_uniqueness.py',
    'tests/metrics/arithmetic/test_vendi.py',
    'tests/training/test_class_weights.py',
    'tests/training/test_plan.py::test_parameters_are_those_of_stylegan',
    'tests/training/test_schedule.py',
    # Commands and runs: tests of steps, metrics and figures run the same operations, a few runs go from end to end.
    'tests/dnnlib/test_describe.py',
    'tests/dnnlib/test_own_modules.py',
    'tests/dnnlib/tflib/test_arguments.py',
    'tests/metrics/features/test_embeddings.py::test_gpus_compute_the_same',
    'tests/metrics/features/test_embeddings.py::test_tensorflow_is_not_started',
    'tests/metrics/figures/test_comparison.py::test_reals_are_records_of_the_dataset_each_once_and_fakes_are_as_many',
    'tests/metrics/figures/test_direction_figure.py::test_directions_of_a_generator_are_as_many_rows_of_one_sample',
    'tests/metrics/figures/test_figures.py::test_uncurated_is_the_same_whatever_was_drawn_before',
    'tests/metrics/test_cached_stages.py::test_a_dataset_made_anew_under_its_name_is_looked_at_anew_even_for_one_image',
    'tests/metrics/test_cached_stages.py::test_a_killed_',
    'tests/metrics/test_cached_stages.py::test_a_process_that_was_killed_goes_on',
    'tests/metrics/test_cached_stages.py::test_other_settings_meet_nothing_of_these',
    'tests/metrics/test_cached_stages.py::test_what_has_a_value_is_not_read_for_the_sake_of_others_nor_are_its_networks',
    'tests/test_generate_figures.py::test_a_network_with_labels_is_drawn_with_zeros_for_them',
    'tests/test_generate_figures.py::test_a_generator_without_its_mapping_network_is_refused',
    'tests/test_generate_figures.py::test_figures_of_the_classes_that_are_chosen',
    'tests/test_generate_figures.py::test_an_unmeasured_run_is_drawn_from_its_newest_snapshot_and_says_what_it_skips',
    'tests/test_generate_figures.py::test_draws_a_run_of_an_earlier_version',
    'tests/test_generate_figures.py::test_the_options_of_the_other_figures_reach_them',
    'tests/test_generate_figures.py::test_what_cannot_be_written_is_named_and_the_rest_is_drawn',
    'tests/test_run_metrics.py::test_a_dataset_that_is_gone_or_of_another_size',
    'tests/test_run_metrics.py::test_a_network_that_took_the_name_of_a_measured_one_is_measured',
    'tests/test_run_metrics.py::test_networks_that_cannot_be_measured_are_a_sentence_and_nothing_is_kept',
    'tests/test_run_metrics.py::test_path_lengths_that_are_no_numbers_are_a_sentence_and_nothing_is_kept',
    'tests/test_run_metrics_together.py',
    'tests/test_train.py::test_a_dry_run_with_200_000_identities_does_not_make_their_weights',
    'tests/test_train.py::test_new_run_starts_from_a_published_network_by_its_name',
    'tests/test_train.py::test_training_on_zip_files_is_training_on_tfrecords',
    'tests/test_train.py::test_a_run_goes_on_with_C_which_is_in_no_pickle',
    'tests/test_train_processes.py::test_signal_while_the_graph_is_built_leaves_a_run_that_the_same_command_takes_up',
    'tests/test_train_runs.py::test_a_metric_that_fails_ends_the_run_but_loses_nothing_of_the_others',
    'tests/test_train_runs.py::test_networks_that_do_not_train_are_refused_before_there_is_a_run',
    'tests/test_train_runs.py::test_networks_with_odd_arguments_train',
    'tests/test_train_runs.py::test_path_lengths_at_snapshots_are_kept_and_leave_training_as_it_was',
    *(
        f'tests/training/test_loop_run.py::test_{name}'
        for name in (
            'measurement_that_failed_is_made_up_for_when_the_run_goes_on',
            'end_that_failed_is_made_up_for_too',
            'refused_files_are_tried_again_at_the_next_tick',
            'files_refused_at_the_end_are_an_error_until_they_are_made_up_for',
            'signal_leaves_a_measurement_which_is_made_when_the_run_goes_on',
        )
    ),
    'tests/training/test_pickled_networks.py::test_arguments_that_no_network_knows_have_no_effect',
    'tests/training/test_pickled_networks.py::test_odd_arguments_of_the_originals_networks_are_kept_and_come_back',
    'tests/training/test_pickled_networks.py::test_pickle_decides_the_networks_and_refuses_what_contradicts_them',
    'tests/training/test_same_command.py',
    # What this TensorFlow wrote itself; it goes on with runs of its own in other tests.
    'tests/test_crossing.py::test_a_run_of_either_tensorflow_is_opened_gone_on_with_and_measured_here[tensorflow-2.15]',
    # Networks that are refused, or built, whatever TensorFlow does.
    *(
        f'tests/dnnlib/tflib/test_hostile_pickles.py::test_what_a_pickle_claims_does_not_fill_the_memory[{claim}'
        for claim in ('499 layers', 'a million lists', 'an image of 2^60 ', 'layers that the file lacks')
    ),
    # Pickles: what the original code would do with them, which TensorFlow 2 does not run.
    'tests/dnnlib/tflib/test_pickles.py::test_pickle_itself_opens_them_too',
    'tests/dnnlib/tflib/test_pickles.py::test_the_source_in_our_files_makes_the_same_images_without_our_dnnlib',
    # Options and resolutions of networks that are the same operations again.
    'tests/dnnlib/tflib/test_network.py::test_images_have_the_same_noise_on_any_device_and_in_any_minibatch',
    'tests/training/test_footprint.py::test_estimate_',
    'tests/training/test_losses.py::test_images_of_the_active_side_give_the_losses_and_gradients_of_full_resolution',
    'tests/training/test_losses.py::test_losses_and_gradients_are_the_originals[NHWC-losses_16_label]',
    'tests/training/test_losses.py::test_losses_and_gradients_are_the_originals[NHWC-losses_32_fusedTrue]',
    'tests/training/test_losses.py::test_statistics_name_what_the_loss_is_made_of',
    'tests/training/test_networks_progan.py::test_images_of_the_active_side_are_those_of_full_resolution_and_score_alike',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NHWC-g_style_64_',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NHWC-g_style_128_',
    'tests/training/test_networks_of_any_options.py',
    'tests/training/test_networks_stylegan.py::test_graphs_with_channels_first_have_the_same_shapes_and_variables',
    'tests/training/test_networks_stylegan.py::test_only_active_levels_are_computed',
    'tests/training/test_networks_stylegan.py::test_structures_agree_at_every_lod',
    'tests/training/test_replicas.py::test_replicas_average_to_the_gradients_of_one_with_the_whole_minibatch',
    'tests/training/test_replicas.py::test_replicas_stay_equal_bit_by_bit',
    'tests/training/test_step.py::test_networks_of_a_single_level_train_too',
)
# In NCHW, losses and gradients are compared, and a step trains. What is listed has other options or more pixels, or
# concerns latents and weights alone. Layers have their derivatives compared one by one, fused and plain ones.
NOT_IN_NCHW = (
    'tests/dnnlib/tflib/test_network.py::test_the_moving_average_is_the_originals',
    'tests/dnnlib/tflib/test_progan_pickles.py::test_files_of_the_program_open_with_its_results[NCHW-progan_tiny_16_',
    'tests/training/test_losses.py::test_images_of_the_active_side_give_the_losses_and_gradients_of_full_resolution',
    'tests/training/test_losses.py::test_losses_and_gradients_are_the_originals[NCHW-losses_16_label]',
    'tests/training/test_losses.py::test_losses_and_gradients_are_the_originals[NCHW-losses_32_fusedTrue]',
    'tests/training/test_networks_progan.py::test_losses_and_gradients_of_its_own_program_are_the_originals',
    'tests/training/test_networks_progan.py::test_losses_and_gradients_on_progan_are_the_originals',
    'tests/training/test_networks_stylegan.py::test_discriminator_gives_the_originals_scores[NCHW-d_basic_16_variants-relu]',
    'tests/training/test_networks_stylegan.py::test_discriminator_gives_the_originals_scores[NCHW-d_basic_32_label]',
    'tests/training/test_networks_stylegan.py::test_discriminator_gives_the_originals_scores[NCHW-d_basic_128_',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NCHW-g_style_16_variants-relu]',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NCHW-g_style_32',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NCHW-g_style_64_',
    'tests/training/test_networks_stylegan.py::test_generator_gives_the_originals_numbers[NCHW-g_style_128_',
    'tests/training/test_networks_of_any_options.py',
    'tests/training/test_replicas.py::test_replicas_average_to_the_gradients_of_one_with_the_whole_minibatch',
)

# Variants of the golden networks in which no operation is new, by the option that makes them what they are. They are
# marked `thorough`.
G_VARIANTS = (
    *('blur4', 'decay', 'dlatent24', 'gray', 'lrmul1', 'map0', 'map2', 'no_blur', 'no_instance_norm', 'no_noise'),
    *('no_normalize', 'no_wscale', 'traditional8'),
)
D_VARIANTS = (
    'decay',
    'gray',
    'mbstd_feat4_group2',
    'mbstd_group1',
    'mbstd_group8',
    'mbstd_off',
    'no_blur',
    'no_wscale',
)
# The same for ProGAN: options whose layers other variants run too.
G_PAPER_VARIANTS = 'decay', 'default_latent', 'eps', 'gray', 'latent', 'no_normalize', 'no_pixelnorm', 'no_wscale'
D_PAPER_VARIANTS = 'decay', 'gray', 'mbstd_group1', 'mbstd_group16', 'mbstd_off', 'no_wscale', 'no_wscale_plain'
_G_PAPER, _D_PAPER = (
    f'tests/training/test_networks_progan.py::test_paper_{what}'
    for what in ('generator_gives_the_originals_images', 'discriminator_gives_the_originals_scores')
)
_G, _D = (
    f'tests/training/test_networks_stylegan.py::test_{what}'
    for what in ('generator_gives_the_originals_numbers', 'discriminator_gives_the_originals_scores')
)


def _variants(layout):
    return (
        *(f'{_G}[{layout}-g_style_16_variants-{each}]' for each in G_VARIANTS),
        *(f'{_D}[{layout}-d_basic_16_variants-{each}]' for each in D_VARIANTS),
        *(f'{_G_PAPER}[{layout}-g_paper_16_variants-{each}]' for each in G_PAPER_VARIANTS),
        *(f'{_D_PAPER}[{layout}-d_paper_16_variants-{each}]' for each in D_PAPER_VARIANTS),
    )


def left_out(layout):
    """What `--second-time` leaves out: the beginnings of test ids.

    Args:
        layout: The value of `--layout`, or None for the tests of TensorFlow 2.
    """
    return (*NOT_WITH_TENSORFLOW_2, *_variants('NHWC')) if layout is None else (*NOT_IN_NCHW, *_variants(layout))


def is_left_out_whole(layout, path):
    """Whether `--second-time` leaves out all tests of a file or a folder, whose path then ends with a slash."""
    return path.startswith(tuple(each for each in left_out(layout) if '::' not in each))
