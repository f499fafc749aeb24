"""The gates, one file each; `gameday.registries.GATES` names them."""
