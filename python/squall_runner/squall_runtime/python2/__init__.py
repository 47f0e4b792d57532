"""Packs that were written for Python 2: their sources are converted when they are loaded.

    imports     finds and loads the modules of one pack
    source      tells whether a file is Python 2, converts it, keeps what was converted
    semantics   what Python 2 does otherwise with the same syntax
    modules     the modules of Python 2 that have other names or other manners today

Only files inside the pack's directory are touched. The packages of its virtualenv have to be fit for the interpreter.
"""
