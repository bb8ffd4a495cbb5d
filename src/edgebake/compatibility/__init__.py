"""What framework runs where: data next to the targets, and its checks."""
