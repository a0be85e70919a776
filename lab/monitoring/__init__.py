"""deploy/monitoring tried out: a real Prometheus that scrapes an operator, and the dashboard drawn from what it has."""
