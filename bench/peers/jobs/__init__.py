"""Plain Python and Node `bullmq`, each as its documentation shows it."""
