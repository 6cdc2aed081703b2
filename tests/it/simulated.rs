//! A project whose accounts live on simulated platforms on loopback.

use std::{fmt::Write as _, process::Command, sync::Arc};

use jiff::{Timestamp, ToSpan};
use kepi_simulator::{Network, SimClock, Simulator, SimulatorConfig, World, WorldConfig};

use crate::project::Project;

/// The simulated platforms and a project that asks them.
pub(crate) struct Simulated {
    pub simulator: Simulator,
    pub project: Project,
    secrets: Vec<(String, String)>,
}

/// A world of X in the year before a moment: so many accounts with so many posts each.
pub(crate) fn x_world(accounts: u32, posts: u32, now: Timestamp) -> World {
    let start = now.checked_sub((365 * 24).hours()).expect("a year ago");
    let accounts_of = vec![(Network::X, accounts)];
    World::new(WorldConfig { accounts: accounts_of, start, end: now, ..WorldConfig::bench(accounts, posts) })
}

impl Simulated {
    /// Starts the platforms over a world at a moment at which its clock stands still.
    pub(crate) async fn start(world: World, now: Timestamp) -> Self {
        let world = Arc::new(world);
        let clock = SimClock::at(now);
        let config = SimulatorConfig { clock: Some(clock), ..SimulatorConfig::default() };
        let simulator =
            Simulator::start(Arc::clone(&world), config.clone()).await.expect("the platforms start");
        let project = Project::new();
        let mut simulated = Self { simulator, project, secrets: Vec::new() };
        simulated.configure(&config);
        simulated
    }

    fn configure(&mut self, config: &SimulatorConfig) {
        let url = self.simulator.url("x").expect("X is simulated");
        let mut text = format!(
            "[project]\nname = \"Simulated\"\nstore = \"./store\"\nkpis = [\"kpis/*.toml\"]\n\n[platform.x]\nbase_url = \"{url}\"\n"
        );
        self.secrets.push(("SIM_CLIENT_ID".into(), config.client_id.clone()));
        self.secrets.push(("SIM_CLIENT_SECRET".into(), config.client_secret.clone()));
        for (i, account) in self.simulator.world().accounts().enumerate() {
            let token = self.simulator.refresh_token(&account.id).expect("a consent");
            self.secrets.push((format!("SIM_REFRESH_{i}"), token));
            let _ = write!(
                text,
                "\n[[account]]\nid = \"{}\"\nplatform_id = \"{}\"\nzone = \"UTC\"\n[account.credentials]\n\
                 app = {{ client_id_env = \"SIM_CLIENT_ID\", client_secret_env = \"SIM_CLIENT_SECRET\" }}\n\
                 user = {{ client_id_env = \"SIM_CLIENT_ID\", client_secret_env = \"SIM_CLIENT_SECRET\", refresh_token_env = \"SIM_REFRESH_{i}\" }}\n",
                account.id, account.platform_id
            );
        }
        self.project.write("kepi.toml", &text);
    }

    /// The values that nobody may see: the application's secret and the accounts' tokens.
    pub(crate) fn secret_values(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().filter(|(name, _)| name != "SIM_CLIENT_ID").map(|(_, value)| value.as_str())
    }

    /// `kepi` with the accounts' secrets in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.project.command();
        command.envs(self.secrets.iter().cloned());
        command
    }
}
