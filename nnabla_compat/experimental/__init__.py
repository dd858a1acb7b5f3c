"""What nnabla keeps apart as experimental."""
