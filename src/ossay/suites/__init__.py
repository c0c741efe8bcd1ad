"""What is asked and how it is graded: one folder a suite, one file a task."""
