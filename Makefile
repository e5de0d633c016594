# A thin front for tasks.py, which does the work on every system (Windows: python tasks.py book).
PYTHON ?= python3
export SLOW NAME SCALE SOLUTIONS NBGRADER SEED

.DEFAULT_GOAL := help
.PHONY: help env book test lint types doctor lab serve bench zoo student exam slides pdf clean

help env book test lint types doctor lab serve bench zoo student exam slides pdf clean:
	@$(PYTHON) tasks.py $@
