"""Messages about customers at risk to those who look after them: only what has changed since they were last told. `python -m notify digest`."""
