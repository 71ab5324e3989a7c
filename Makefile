# Two commands do everything: `make demo` and `make test`. Both make .venv first, see .ci/make-venv.
# `make test-nchw` runs the tests of what depends on the layout once more, in the layout of GPUs, with a TensorFlow that
# can execute it on a CPU; it makes .venv-nchw for that. `make test-beam` runs the tests of the filter on Apache Beam, with
# which it makes .venv-beam.
# PYTHON=... names the Python 3.7 to use. DEMO_FLAGS=... adds flags to the demo's training.

.PHONY: demo test test-nchw test-beam lint venv clean
PY := .venv/bin/python

demo: venv
	test -d datasets/demo || $(PY) -m prefilter lfw-subset --out datasets/demo --size 32
	ls results/?????-demo/network-final.pkl >/dev/null 2>&1 || \
	$(PY) train.py --data datasets/demo --preset demo --desc demo $(DEMO_FLAGS)
	run=$$(ls -d results/?????-demo | tail -n 1) && \
	$(PY) run_metrics.py $$run --metrics fd_onet5k && \
	$(PY) generate_figures.py $$run && \
	$(PY) run_metrics.py $$run/network-best.pkl --metrics onet5k --table --write $$run && \
	echo && \
	echo "The demo is done. Look at:" && \
	echo "  datasets/demo/report.html    what the face detector kept and refused" && \
	echo "  $$run/report.html            the training: samples over time, curves, best snapshot" && \
	echo "  $$run/fakes*.png             what the generator made as it learned" && \
	echo "  $$run/network-best.pkl       its best snapshot, by fd_onet5k" && \
	echo "  $$run/figures/               the figures of the paper, drawn with it" && \
	echo "  $$run/table1.md              the table above, which is also there as CSV and LaTeX"

test: venv lint
	$(PY) -m pytest -n 2

# One thread an operation, since two test processes share the cores, and none that waits spinning for the next one.
test-nchw:
	@.ci/make-venv .venv-nchw intel-tensorflow==1.15.2
	OMP_NUM_THREADS=1 KMP_BLOCKTIME=0 .venv-nchw/bin/python -m pytest -n 2 --layout NCHW

test-beam:
	@.ci/make-venv .venv-beam requirements-beam.txt
	.venv-beam/bin/python -m pytest -n 2 tests/prefilter/test_beam_runner.py

lint: venv
	$(PY) -m ruff check .

venv:
	@.ci/make-venv .venv

clean:
	rm -rf .venv .venv-nchw .venv-beam .pytest_cache .ruff_cache .hypothesis
