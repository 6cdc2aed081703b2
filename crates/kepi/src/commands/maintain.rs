//! `kepi maintain`: what is gone is made anew, small files are merged, old ones deleted.

use kepi_store::{MaintainOptions, Mended};

use crate::{
    cli::Maintain,
    compose::Project,
    failure::{Outcome, Result},
    output,
};

pub(crate) async fn run(project: &Project, arguments: &Maintain) -> Result<Outcome> {
    let (store, mended) = project.mended_store().await?;
    let whole = say(&mended);
    let options = MaintainOptions { keep_days: arguments.keep_days, ..MaintainOptions::default() };
    let maintained = store.maintain(options).await?;
    output::note(&format!("{maintained}"));
    Ok(if whole { Outcome::Done } else { Outcome::SetAside })
}

/// Says what was gone; whether all of it is there again.
fn say(mended: &Mended) -> bool {
    let Mended { rebuilt, lost, caught_up } = mended;
    if !rebuilt.is_empty() {
        output::note(&format!(
            "{}: gone or not whole; all projections were made anew from the journal ({} pages, {} measurements)",
            rebuilt.join(", "),
            caught_up.pages,
            caught_up.measurements
        ));
        if caught_up.set_aside > 0 {
            output::note(&format!(
                "{} pages could not be decoded again; the table rejects has them with the reason",
                caught_up.set_aside
            ));
        }
    }
    if !lost.is_empty() {
        output::note(&format!(
            "{}: gone, and nothing else has what it held; it begins anew, empty",
            lost.join(", ")
        ));
    }
    lost.is_empty() && (rebuilt.is_empty() || caught_up.set_aside == 0)
}
