//! The client of Beamlit's API: tokens, models, policies, and who owns what there.
