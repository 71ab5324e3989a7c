# Two commands do everything: `make demo` and `make test`. Both make .venv first, see .ci/make-venv.
# PYTHON=... names the Python 3.7 to use. DEMO_FLAGS=... adds flags to the demo's training.

.PHONY: demo test lint venv clean
PY := .venv/bin/python

demo: venv
	test -d datasets/demo || $(PY) -m prefilter lfw-subset --out datasets/demo --size 32
	ls results/?????-demo/network-final.pkl >/dev/null 2>&1 || \
	$(PY) train.py --data datasets/demo --preset demo --desc demo $(DEMO_FLAGS)
	run=$$(ls -d results/?????-demo | tail -n 1) && \
	$(PY) run_metrics.py $$run --metrics fd_onet5k && \
	$(PY) generate_figures.py $$run && \
	echo && \
	echo "The demo is done. Look at:" && \
	echo "  datasets/demo/accepted.png, rejected.png   what the face detector kept and refused" && \
	echo "  $$run/fakes*.png             what the generator made as it learned" && \
	echo "  $$run/network-best.pkl       its best snapshot, by fd_onet5k" && \
	echo "  $$run/figures/               the figures of the paper, drawn with it"

test: venv lint
	$(PY) -m pytest -n 2

lint: venv
	$(PY) -m ruff check .

venv:
	@.ci/make-venv

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
