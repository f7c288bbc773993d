"""The promises of docs/reliability.md under faults: a listening service over the stub upstream, a file per promise."""
