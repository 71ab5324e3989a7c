"""Where things live, and what is published. Nothing here computes anything."""

RESULTS_DIR = 'results'  # one folder per training run
DATASETS_DIR = 'datasets'  # one folder per TFRecord dataset
CACHE_DIR = 'cache'  # downloaded networks
