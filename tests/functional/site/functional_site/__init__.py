"""The Django site of the functional tests; put ``tests/functional/site`` on the daemon's ``python_path``."""
