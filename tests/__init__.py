KEPT = "RAPPORT_TESTS_KEPT"  # where a run of tests keeps what it has published, to publish the same again as a copy
