"""Gate of a comparison: phases of outages, tests of them, the judgement of a scenario, and its sentences."""
