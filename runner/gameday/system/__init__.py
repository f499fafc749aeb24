"""The system under test: bring-up, deploys, operations, reconciliation and faults' effects on the network."""
