# GeoLoupe. `make` lists what there is; each target sets up what it lacks.
PYTHON3 := $(firstword $(wildcard /usr/bin/python3) python3)
HEADLESS := .venv/headless/bin/python
TOOLS := tests/tools
SETUP := $(PYTHON3) $(TOOLS)/environments.py

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench qgis package engine torch translations

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## index an aerial, search it by words and by a box; RASTER=FILE TEXT="words" SIZE=metres choose
	@$(SETUP) demo
	@$(HEADLESS) $(TOOLS)/demo.py $(if $(RASTER),--raster "$(RASTER)") $(if $(TEXT),--text "$(TEXT)") $(if $(SIZE),--object-size "$(SIZE)")

test: ## every test tier, with what it needs; TIER=unit and ARGS="-k name" narrow it
	@$(SETUP) headless $(if $(filter unit engine,$(TIER)),,qgis)
	@$(HEADLESS) $(TOOLS)/run_tests.py $(TIER) $(if $(ARGS),-- $(ARGS))

lint: package ## style, types, security, and the plugin site's rules on the zip
	@$(SETUP) headless
	@$(HEADLESS) $(TOOLS)/lint.py

bench: ## the figures of the README, measured on this machine
	@$(SETUP) headless qgis
	@$(HEADLESS) tests/benchmarks/run.py $(ARGS)

qgis: ## QGIS on a temporary profile with the plugin loaded; ARGS=FILE opens it
	@$(PYTHON3) $(TOOLS)/start_qgis.py $(ARGS)

package: ## dist/geoloupe.zip, ready for the plugin manager
	@$(PYTHON3) $(TOOLS)/package.py

engine: ## the engine's private environment, as the set-up button makes it
	@$(PYTHON3) $(TOOLS)/make_engine.py $(ARGS)

torch: ## PyTorch for training, in .venv/headless; TORCH_INDEX=URL where pip knows no CPU build
	@$(SETUP) headless torch

translations: ## collect the strings of the interface into resources/i18n/*.ts
	@$(PYTHON3) $(TOOLS)/translations.py update
