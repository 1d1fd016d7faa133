//! Behaviour of lifespan across adapters: see `it/`, one file for each subject.
