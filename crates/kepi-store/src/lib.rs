//! Where numbers rest: the journal, its projections, compaction, as Delta tables.
