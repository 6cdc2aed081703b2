//! What goes wrong below, told in kepi's words: kind `Store`, where it happened, and what to do next.

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use kepi_core::{Error, ErrorKind};

/// What a lower layer said, and what a person can do about it.
pub(crate) trait Fail<T> {
    /// Says at which verb it failed.
    fn at(self, verb: &str) -> Result<T, Error>;
}

impl<T, E: Into<Cause>> Fail<T> for Result<T, E> {
    fn at(self, verb: &str) -> Result<T, Error> {
        self.map_err(|cause| store(verb, cause))
    }
}

/// An error of the layers below.
pub(crate) struct Cause(Box<dyn std::error::Error + Send + Sync>);

macro_rules! causes {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Cause {
            fn from(error: $error) -> Self {
                Self(Box::new(error))
            }
        })+
    };
}

causes! {
    arrow::error::ArrowError,
    DataFusionError,
    DeltaTableError,
    deltalake::kernel::Error,
    deltalake::kernel::transaction::TransactionError,
    object_store::Error,
    parquet::errors::ParquetError,
    serde_json::Error,
    std::io::Error,
    tokio::task::JoinError,
}

/// An error of the store itself.
pub(crate) fn store(verb: &str, cause: impl Into<Cause>) -> Error {
    let cause = cause.into().0;
    let reason = innermost(cause.as_ref());
    let hint = hint_for(&reason);
    Error::new(ErrorKind::Store, format!("{verb}: {reason}")).hint(hint).caused_by(cause)
}

/// Something stored that has no business to be as it is.
pub(crate) fn torn(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Store, format!("the store is damaged: {what}"))
        .hint("the journal keeps every page: restore the folder from a copy, or `kepi maintain` to rebuild")
}

/// A table that is whole, and of which another tool made something that is not read here.
pub(crate) fn unsupported(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Store, "another tool has switched on what kepi does not read of Delta Lake")
        .with("it", &cause)
        .hint(
            "switch it off with that tool, or restore the table's folder from a copy; the folder of a table that is made \
             from the journal can be moved away, and `kepi maintain` makes it anew",
        )
        .caused_by(cause)
}

/// Whether a table needs of its readers what is not given here: it is whole all the same.
pub(crate) fn is_unsupported(error: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut chain = std::iter::successors(Some(first), |error| error.source());
    chain.any(|cause| matches!(cause.downcast_ref(), Some(delta_kernel::Error::Unsupported(_))))
}

/// How systems say that a disk is full.
const FULL: [&str; 5] = ["no space", "no storage space", "disk full", "quota exceeded", "os error 28"];

/// Whether something failed because the disk is full: what was committed can still be read.
#[must_use]
pub fn is_disk_full(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string().to_lowercase();
        if FULL.iter().any(|word| text.contains(word)) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn hint_for(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&[
        "permission denied",
        "access is denied",
        "read-only",
        "os error 13",
        "os error 30",
        "forbidden",
    ]) {
        "check the owner and the rights of the store's folder and of what is in it"
    } else if says(&FULL) {
        "the disk is full: make room and run again, nothing that was committed is lost"
    } else if says(&["not a directory", "file exists", "os error 17", "os error 20"]) {
        "there is a file where a folder should be: move it, or name another folder as project.store"
    } else if says(&["not found", "no such file", "os error 2"]) {
        "was a file of the store removed by hand? `kepi maintain` makes tables anew from the journal; the journal itself \
         comes from a copy only"
    } else if says(&["corrupt", "invalid", "eof", "parse", "expected", "magic"]) {
        "a file of the store is torn: `kepi maintain` makes tables anew from the journal; where it cannot, restore the file \
         from a copy, or move the folder of its table (but not `pages`) away and run it again"
    } else {
        "run again; what was committed is safe"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_by_whatever_layer_says_it() {
        let full =
            || std::io::Error::new(std::io::ErrorKind::StorageFull, "No space left on device (os error 28)");
        assert!(is_disk_full(&store("commit", full())));
        assert!(is_disk_full(&Error::new(ErrorKind::Store, "commit").caused_by(full())));
        let denied =
            std::io::Error::new(std::io::ErrorKind::PermissionDenied, "Permission denied (os error 13)");
        assert!(!is_disk_full(&store("commit", denied)));
    }

    #[test]
    fn the_hint_fits_the_cause() {
        for (reason, word) in [
            ("Permission denied (os error 13)", "rights"),
            ("No space left on device (os error 28)", "full"),
            ("Not a directory (os error 20)", "a file where a folder"),
            ("No such file or directory (os error 2)", "kepi maintain"),
            ("Corrupt footer", "torn"),
        ] {
            assert!(hint_for(reason).contains(word), "{reason}: {}", hint_for(reason));
        }
    }
}
