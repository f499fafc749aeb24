"""Settings that operators make on running instances, kept by the system so that later instances have them too."""
