# Two commands: `make demo` and `make test`. Each first sets up what it needs (tools/setup.sh); once set up, that costs
# a blink. `make help` lists the rest.

PY := .venv/bin/python
SETUP := sh tools/setup.sh
OUT ?= out/demo
export PYTHON SKIP_SYSTEM_CHECK

ifeq ($(shell uname -s),Linux)
XVFB := env -u WAYLAND_DISPLAY PYGLFW_LIBRARY_VARIANT=x11 xvfb-run -a -s "-screen 0 1920x1080x24"
MUST := RTCOG_GL_REQUIRE_DISPLAY=1
OFFSCREEN := EGL_PLATFORM=surfaceless
OLD_GL := MESA_GL_VERSION_OVERRIDE=2.1 MESA_GLSL_VERSION_OVERRIDE=120
ifeq ($(DISPLAY)$(WAYLAND_DISPLAY),)
HEADLESS := $(XVFB)
endif
endif

# Exit status 5 is pytest's "no test ran", which PYTEST_ARGS may well bring about in one pass or another.
PYTEST = $(PY) -m pytest $(PYTEST_ARGS)
NONE_IS_FINE = $(if $(PYTEST_ARGS),|| [ $$? -eq 5 ])

.NOTPARALLEL:
.PHONY: help setup-demo setup-test demo test lint soak bench bench-map clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /  make \1	/p' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PYTHON=/path/to/python3, DEMO_ARGS='--bold run.nii.gz ...', PYTEST_ARGS='tests/test_x.py -k name'"

setup-demo:
	@$(SETUP) demo

setup-test:
	@$(SETUP) test

demo: setup-demo ## set up and show a synthetic session; with no display: on Xvfb, leaving a screenshot and latencies
ifdef HEADLESS
	@echo "There is no display (DISPLAY and WAYLAND_DISPLAY are empty): the demo runs on a virtual one (Xvfb), 45 s."
	@mkdir -p $(dir $(OUT)) && rm -f $(OUT).png $(OUT)-latency.jsonl $(OUT)-latency-summary.json
	$(HEADLESS) .venv/bin/rtcog-gl demo --duration 45 --size 1920x1080 \
		--screenshot $(OUT).png --latency-log $(OUT)-latency.jsonl $(DEMO_ARGS)
	@for file in $(OUT).png $(OUT)-latency-summary.json; do \
		[ -s $$file ] || { echo "make demo: $$file was not written" >&2; exit 1; }; done
	@echo "Screenshot:      $(abspath $(OUT).png)"
	@echo "Latency summary: $(abspath $(OUT)-latency-summary.json)"
else
	.venv/bin/rtcog-gl demo $(DEMO_ARGS)
endif

test: setup-test lint ## set up, then lint, types and all tests; those that draw run a second time as OpenGL 2.1
	@echo "== tests without a window"
	@$(OFFSCREEN) $(PYTEST) -m "not display and not soak" $(NONE_IS_FINE)
	@echo "== tests with a window"
	@$(MUST) $(XVFB) $(PYTEST) -m "display and not soak" $(NONE_IS_FINE)
ifdef OLD_GL
	@echo "== tests that draw, as OpenGL 2.1 / GLSL 1.20"
	@$(OFFSCREEN) $(OLD_GL) $(PYTEST) -m "gl and not display and not soak" $(NONE_IS_FINE)
endif

lint: setup-test ## ruff format --check, ruff check, mypy --strict
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy --strict rtcog_gl

soak: setup-test ## the long tests
	@$(MUST) $(XVFB) $(PYTEST) -m soak

bench: setup-test ## measure the latency from a column's write to its pixels (prints JSON)
	@$(XVFB) $(PY) benchmarks/latency.py $(BENCH_ARGS)

bench-map: setup-test ## measure the voxel map: hits to the screen, the crosshair, memory, nilearn beside it (prints JSON)
	@$(PY) -m pip install -q --disable-pip-version-check --root-user-action=ignore -e ".[bench]"
	@$(XVFB) $(PY) benchmarks/maps.py $(BENCH_ARGS)

clean: ## remove what builds and tests leave behind
	rm -rf build dist *.egg-info tests/failed .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv and out/ as well
	rm -rf .venv out
