"""What framework runs where: data beside the targets, and its checks."""
