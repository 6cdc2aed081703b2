//! The platforms' APIs over one seeded synthetic world, with faults.
