"""What the rows of the benchmark share: tools, networks, servers, the report."""
