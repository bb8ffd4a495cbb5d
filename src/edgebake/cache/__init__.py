"""Earlier answers of plan and compile, kept by the content of all they follow from."""
