# Everything happens in .venv, which is made when it is missing.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
RELEASE := $(VENV)/.release
READY  := $(VENV)/.ready

# Bytecode is kept, whatever the shell says: the tests start Python hundreds of times, and each start
# would compile hubkit again.
unexport PYTHONDONTWRITEBYTECODE

# An option would leave out the environments in which packages are built: pip reads these there too, before 25.3 the first
# and since then the second.
PINNED := PIP_CONSTRAINT="$(CURDIR)/constraints.txt" PIP_BUILD_CONSTRAINT="$(CURDIR)/constraints.txt"

.PHONY: check test long mutants demo wheel kills faults hub-client browser checks clean gpu ray slurm vllm docs

# What is not compiled while it is installed is compiled when it is first imported: most of it never is, and .venv
# stays a third smaller. pip's own lines are the progress: quiet, a slow line looks like a hang.
INSTALL := $(PINNED) $(BIN)/python -m pip install --no-compile --editable

# One environment, in two steps: [release] is all that the demo needs, and the rest is for checks and tests.
$(RELEASE): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; give another 3.11 or later with PYTHON=..."; exit 1; }
	@echo "make: installs hubkit and what a release needs into $(VENV): 1.6 GB, one to three minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(INSTALL) ".[release]"
	touch $@

$(READY): $(RELEASE)
	@echo "make: installs what checks and tests need as well: 1 GB more"
	$(INSTALL) ".[release,hub,live,ray,review,evidence,space,dev]"
	touch $@

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/vulture

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile

# What takes minutes: the pinned sets of versions, FSDP, faults at random, and ten times as many
# examples of the property tests. SCHEDULES says how many schedules of faults run.
SCHEDULES ?= 200
long: $(READY)
	HUBKIT_FAULT_SCHEDULES=$(SCHEDULES) $(BIN)/pytest -n 2 --dist loadfile \
		-m "long or hypothesis" --hypothesis-profile long

# How many small faults in the code the tests notice, by area: 200 by seed, in under an hour on two cores. Before a release.
SAMPLE ?= 200
SEED ?= 1
mutants: $(READY)
	$(BIN)/python benchmarks/mutants --sample $(SAMPLE) --seed $(SEED)

demo: $(RELEASE)
	$(BIN)/hubkit release --demo --workspace work/demo

# The wheel in an empty venv outside the checkout, with everything that a release needs, releases the demo.
wheel: $(READY)
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && set -ex && \
	$(BIN)/python -m build --wheel --no-isolation --outdir "$$home" . && \
	$(PYTHON) -m venv "$$home/venv" && \
	$(PINNED) "$$home/venv/bin/pip" install --quiet "$$(ls $$home/*.whl)[release]" && \
	cd "$$home" && venv/bin/hubkit --help >/dev/null && venv/bin/hubkit release --demo

# Longer than the suite: the demo, killed at ten random moments.
kills: $(READY)
	$(BIN)/python benchmarks/kills.py --kills 10

# 200 random schedules of faults between hubkit and the Hub; the suite runs two.
faults: $(READY)
	HUBKIT_FAULT_SCHEDULES=200 $(BIN)/pytest -m "long or not long" tests/hub/test_faults.py

# huggingface_hub's own tests against the Hub on loopback: CHECKOUT is a checkout of it, CLIENT a python that has it.
hub-client: $(READY)
	$(BIN)/python benchmarks/hub_client.py $(CHECKOUT) --python $(CLIENT)

# The Space's page, those of the Hub on loopback and the readers' in headless Chromium, the last also in Firefox: both have to be
# installed (Debian: apt-get install chromium firefox-esr).
browser: $(READY)
	$(BIN)/pytest tests/bertscore_ptbr/browser_space.py tests/localhub/browser_pages.py tests/review/browser_review.py

# Recall and false alarms of the clinical checks on the frozen pairs.
checks: $(READY)
	$(BIN)/python benchmarks/checks.py

# On one GPU, with random weights and no network: requests in flight, faults and training of the real shapes; some minutes.
gpu: $(READY)
	$(BIN)/python benchmarks/gpu.py --out gpu.json

# A real Slurm of one node in a folder of its own, stopped by pid at the end (Debian: apt-get install slurm-wlm munge).
# Ten minutes: time limits and lost nodes take minutes.
slurm: $(READY)
	$(BIN)/pytest -m slurm tests/slurm

# A real Ray of two raylets on loopback, of which one and then the head is killed; three minutes.
ray: $(READY)
	$(BIN)/pytest -m ray tests/ray

# A real vLLM on this machine's CPU, in an environment of its own; ten minutes on two quiet cores. torch for CPUs
# alone is not on PyPI: TORCH_INDEX=URL names PyTorch's own index of it.
VLLM := work/vllm
$(VLLM)/.ready: tests/vllm/requirements.txt tests/vllm/record/pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; give 3.11 with PYTHON=..."; exit 1; }
	@echo "make: installs vLLM for a CPU into $(VLLM): 2.1 GB, one to three minutes"
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --no-deps --no-compile $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		$$(grep ^torch== tests/vllm/requirements.txt)
	$(VLLM)/bin/python -m pip install --no-deps --no-compile --requirement tests/vllm/requirements.txt
	@# What builds a package writes next to its sources: a copy is built.
	rm -rf $(VLLM)/record && cp -R tests/vllm/record $(VLLM)/record
	$(VLLM)/bin/python -m pip install --no-deps --no-build-isolation $(VLLM)/record
	touch $@

vllm: $(READY) $(VLLM)/.ready
	$(BIN)/pytest -m vllm tests/vllm

# The site, strict: a broken link or a page outside the navigation ends the build. Its environment has no
# torch, so that it is made in half a minute.
DOCS := .venv-docs
$(DOCS)/.ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; give another 3.11 or later with PYTHON=..."; exit 1; }
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(PINNED) $(DOCS)/bin/python -m pip install --quiet --editable ".[docs,reader]"
	touch $@

docs: $(DOCS)/.ready
	NO_MKDOCS_2_WARNING=true $(DOCS)/bin/mkdocs build --strict
	@echo "the site is in work/site; open work/site/index.html, or: $(DOCS)/bin/mkdocs serve"

clean:
	rm -rf work build dist .pytest_cache .mypy_cache .ruff_cache
