//! The KPI engine: definitions, formulas, the lawfulness check, evaluation as DataFusion plans.
