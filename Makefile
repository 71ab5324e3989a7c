# Two commands do everything: `make demo` and `make test`. Both make .venv first, see .ci/make-venv; with TF=2 they make
# and use .venv-tf2, which has TensorFlow 2.
# `make test` is for after a change. `make test-all` adds the slow tests, both layouts, Beam and TensorFlow 2, below.
# `make test-nchw` runs the tests of what depends on the layout once more, in the layout of GPUs, with a TensorFlow that
# can execute it on a CPU; it makes .venv-nchw for that. `make test-beam` runs the tests of Apache Beam, with which it
# makes .venv-beam. `make horovod` builds Horovod into .venv-horovod, with TF=2 into .venv-horovod-tf2, and
# `make test-horovod` tests training with it. `make test-cross` has each TensorFlow open what the other wrote.
# PYTHON=... names the Python to use: 3.7, or with TF=2 one from 3.10 to 3.13. DEMO_FLAGS=... adds flags to the demo's
# training.

# `make check-gpu` tells in minutes whether numbers and speed are right on this machine's GPU; SECONDS=... gives it more.

.PHONY: check-gpu demo test test-slow test-all test-nchw test-beam test-cross test-horovod lint clean venv venv-nchw venv-beam \
  venv-tf2 horovod
TF ?= 1
$(if $(filter-out 1 2,$(TF)),$(error TF=$(TF) is neither 1 nor 2))
VENV := $(if $(filter 2,$(TF)),.venv-tf2,.venv)
PINS := $(if $(filter 2,$(TF)),requirements-tf2.txt,requirements.txt)
HOROVOD_PINS := $(if $(filter 2,$(TF)),requirements-tf2-horovod.txt,requirements.txt)
PY := $(VENV)/bin/python

# The same flags find the same run again, and do nothing if it is finished; other DEMO_FLAGS are another run.
TRAIN_DEMO = $(PY) train.py --data datasets/demo --preset demo --desc demo $(DEMO_FLAGS)

demo: venv
	test -d datasets/demo || $(PY) -m prefilter lfw-subset --out datasets/demo --size 32
	$(TRAIN_DEMO)
	run=$$($(TRAIN_DEMO) --find) && \
	$(PY) run_metrics.py $$run --metrics fd_onet5k && \
	$(PY) generate_figures.py $$run && \
	$(PY) run_metrics.py $$run/network-best.pkl --metrics onet5k --table --write $$run && \
	faces=datasets/synthetic-$$(basename $$run) && \
	$(PY) -m synthesis generate $$run --out $$faces --identities 100 --per-identity 4 && \
	echo && \
	echo "The demo is done. Look at:" && \
	printf '  %-41s %s\n' \
	  datasets/demo/report.html "what the face detector kept and refused" \
	  $$run/report.html "the training: samples over time, curves, best snapshot" \
	  "$$run/fakes*.png" "what the generator made as it learned" \
	  $$run/network-best.pkl "its best snapshot, by fd_onet5k" \
	  $$run/figures/ "the figures of the paper, drawn with it" \
	  $$run/table1.md "the table above, which is also there as CSV and LaTeX" \
	  $$faces/report.html "400 synthetic faces of 100 identities, made with it"

# `make test` leaves out what is marked `slow` or `thorough`, `make test-slow` runs that alone, and `make test MARKS=` runs
# all. Each test file runs in one process, so that its tests share what they build. One thread for linear algebra, since
# two test processes share the cores: threads wait for each other spinning. PROCESSES=0 starts no further process.
# AGAIN=1, for TF=2 and `make test-nchw`, leaves out what is tested elsewhere (tests/selection.py), as .ci/run does.
MARKS ?= not slow and not thorough
PROCESSES ?= 2
SHARED_OUT := -n $(PROCESSES) --dist loadfile $(if $(AGAIN),--second-time)
PYTEST := OPENBLAS_NUM_THREADS=1 $(PY) -m pytest $(SHARED_OUT)

test: venv lint
	$(PYTEST) -m "$(MARKS)"

test-slow: venv
	$(PYTEST) -m "slow or thorough"

test-all:
	$(MAKE) test TF=1 MARKS=
	$(MAKE) test-nchw
	$(MAKE) test-beam
	$(MAKE) test TF=2 MARKS=

# Likewise one thread an operation, and none that waits spinning for the next one.
test-nchw: venv-nchw
	OMP_NUM_THREADS=1 KMP_BLOCKTIME=0 .venv-nchw/bin/python -m pytest $(SHARED_OUT) --layout NCHW

test-beam: venv-beam
	.venv-beam/bin/python -m pytest -n $(PROCESSES) tests/prefilter/test_beam_runner.py \
	  tests/synthesis/test_synthesis_beam.py tests/synthesis/test_audit_beam.py

# With both engines. Not in `make test-all`, because of the build.
test-horovod: horovod
	.venv-horovod$(VENV:.venv%=%)/bin/python -m pytest --engine horovod tests/training/test_joint_steps.py \
	  tests/faults/test_joint_training.py

# Each environment looks for a Python of its own, so PYTHON=... does not count here.
test-cross:
	@$(MAKE) --no-print-directory venv venv-tf2 TF=1 PYTHON=
	.venv/bin/python -m tests.crossing matrix .venv/bin/python .venv-tf2/bin/python

# From its environment, whichever is made: .venv, or with TF=2 .venv-tf2.
SECONDS ?= 300
check-gpu: venv
	$(PY) -m benchmarks.gpu_check --seconds $(SECONDS) --write gpu_check.json

lint: venv
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

venv:
	@.ci/make-venv $(VENV) $(PINS)

venv-nchw:
	@.ci/make-venv .venv-nchw requirements.txt intel-tensorflow==1.15.2

venv-beam:
	@.ci/make-venv .venv-beam requirements.txt requirements-beam.txt

venv-tf2:
	@.ci/make-venv .venv-tf2 requirements-tf2.txt

horovod:
	@.ci/make-horovod .venv-horovod$(VENV:.venv%=%) $(HOROVOD_PINS)

clean:
	rm -rf .venv .venv-nchw .venv-beam .venv-tf2 .venv-horovod .venv-horovod-tf2 .uv .uv-cache .pytest_cache .ruff_cache .hypothesis
