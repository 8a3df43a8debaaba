# One word each: `make` alone lists them. Everything runs in .venv, installed from requirements.lock.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed-from-the-lock
GLUE_PYTHON ?= python3.11
GLUE_READY := .venv-glue/.installed
GLUE_6_PYTHON ?= python3.13
GLUE_6_READY := .venv-glue-6/.installed

# The lock pins every package; pip adds only what torch asks for on this platform (the CUDA build: nvidia-*, triton). pip also compiles
# the modules, and quietly: compiled when first imported, some packages print SyntaxWarnings into the user's terminal.
$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Expected Python 3.11 or newer, but got %d.%d. Say make PYTHON=python3.11." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	@echo "Installing what requirements.lock pins; this takes a few minutes the first time."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m infra.local prepare
	@touch $@

.PHONY: help setup demo demo-video pipeline test test-glue deploy diff destroy lint format bench chaos lock clean
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## Install everything into .venv

demo: $(READY)  ## Simulated mice, the whole pipeline, one summary
	$(BIN)/python aws_pipeline/pipeline.py --sample

demo-video: $(READY)  ## Simulated films of a pain test through the lake; ends with annotated films and a report
	$(BIN)/python aws_pipeline/sample_films.py --data-dir data/films --individuals 12 --seconds 10
	$(BIN)/python aws_pipeline/s3_upload.py --data-dir data/films
	$(BIN)/python aws_pipeline/glue_etl.py
	$(BIN)/python training/cross_validate.py --recipe film_tcn --epochs 12 --folds 2 --curated s3_mock/curated-zone --output-dir results/films/film_tcn
	$(BIN)/python inference/recognize.py --data-dir data/films --held-out --checkpoint results/films/film_tcn/fold-1/film_tcn.safetensors --output results/films/bouts.csv --json results/films/predictions --annotate results/films/annotated
	@echo "Annotated films: results/films/annotated/*.mp4. Report: results/films/film_tcn/report.html."

pipeline: $(READY)  ## The whole pipeline on the recordings in MABE_DATA_DIR
	$(BIN)/python aws_pipeline/pipeline.py

# Files of tests run side by side, up to four: they keep apart what they write. A test alone: .venv/bin/python -m pytest tests/...
test: $(READY)  ## All tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# Glue 5.1 runs Python 3.11, Glue 6.0 Python 3.13. What Glue lacks comes from the lock, as the job asks for it.
LACKING_IN_GLUE = $$(grep -E '^(pyiceberg|av)==' requirements.lock)
$(GLUE_READY): tests/glue/glue-5.1.txt requirements.lock
	$(GLUE_PYTHON) -m venv .venv-glue
	.venv-glue/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/glue/glue-5.1.txt $(LACKING_IN_GLUE)
	@touch $@

# Without Python 3.13 or a whole Java nothing is installed, and the tests of Glue 6.0 say why they are skipped.
$(GLUE_6_READY): tests/glue/glue-6.0.txt requirements.lock
	@if $(GLUE_6_PYTHON) --version && java --list-modules | grep -q '^jdk.incubator.vector'; then \
		$(GLUE_6_PYTHON) -m venv .venv-glue-6 && .venv-glue-6/bin/python -m pip install --quiet --disable-pip-version-check \
			--requirement tests/glue/glue-6.0.txt $(LACKING_IN_GLUE) && touch $@; \
	else echo "Glue 6.0 is left out: it needs $(GLUE_6_PYTHON) and a Java 17 with the module jdk.incubator.vector."; fi

test-glue: $(READY) $(GLUE_READY) $(GLUE_6_READY)  ## The Glue job with exactly Glue's libraries, of 5.1 and 6.0
	$(BIN)/python -m pytest tests/glue

deploy: $(READY)  ## Make the stacks and upload the job's code (on AWS with USE_LOCAL_FS=false)
	$(BIN)/python -m infra.deploy

diff: $(READY)  ## Show what deploying would change
	$(BIN)/python -m infra.deploy diff

destroy: $(READY)  ## Remove the compute stack; data stay
	$(BIN)/python -m infra.deploy destroy

lint: $(READY)  ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy behavior films reports recognizers training inference aws_pipeline infra
	$(BIN)/mypy tests/benchmarks/*.py

format: $(READY)  ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Measure against the peers; ratios of one run
	$(BIN)/python tests/benchmarks/all.py

chaos: $(READY)  ## Kill uploads and curation 50 times, run two at once 20 times, and look whether anything was lost
	$(BIN)/python tests/faults/chaos.py

lock:  ## Resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check '.[aws,glue,sagemaker,local,train,video,formats,export,report,notebook,dev]'
	.venv-lock/bin/python -m pip check
	.venv-lock/bin/python -m pip freeze --all --exclude pip --exclude wheel --exclude mouse-behavior-lakehouse \
		| sed -E -e 's/(torch==[0-9.]+)\+.*/\1/' -e '/^(cuda|nvidia|triton)[-=]/d' > requirements.lock
	rm -rf .venv-lock build *.egg-info

clean:  ## Remove what the pipeline made (recordings and .venv stay)
	find s3_mock -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf results checkpoints
