//! How a run is asked to stop: the page in hand is finished, nothing new is begun.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that many hold and anyone may raise; it is never lowered again.
#[derive(Debug, Clone)]
pub struct StopFlag {
    own: Arc<watch::Sender<bool>>,
    above: Vec<Arc<watch::Sender<bool>>>,
}

impl Default for StopFlag {
    fn default() -> Self {
        Self { own: Arc::new(watch::Sender::new(false)), above: Vec::new() }
    }
}

impl StopFlag {
    /// A flag of one's own that is also raised when this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { above: self.flags().cloned().collect(), ..Self::default() }
    }

    /// Raises it.
    pub fn stop(&self) {
        self.own.send_replace(true);
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.flags().any(|flag| *flag.borrow())
    }

    /// Waits until it is raised.
    pub async fn stopped(&self) {
        let raised = self.flags().map(|flag| {
            let mut flag = flag.subscribe();
            // The sender lives as long as the flag that is waited on, so waiting cannot fail.
            Box::pin(async move { flag.wait_for(|stopped| *stopped).await.map(drop) })
        });
        let _ = futures::future::select_all(raised).await;
    }

    fn flags(&self) -> impl Iterator<Item = &Arc<watch::Sender<bool>>> {
        std::iter::once(&self.own).chain(&self.above)
    }

    /// Raises it when the process is asked to end: by ctrl-c, or on Unix by SIGTERM.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let flag = self.clone();
        #[cfg(unix)]
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::spawn(async move {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            tracing::info!("asked to stop: the page in hand is finished first");
            flag.stop();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_hears_its_parent_but_not_the_other_way_round() {
        let parent = StopFlag::default();
        let (one, two) = (parent.child(), parent.child());
        one.stop();
        assert!(one.is_stopped() && !parent.is_stopped() && !two.is_stopped());
        parent.stop();
        two.stopped().await;
        assert!(two.is_stopped());
    }
}
