//! Accounts, and the scopes that a scorecard is broken down into.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use datafusion::prelude::SessionContext;
use kepi_core::Result;
use smol_str::SmolStr;

use super::{
    about::{KnownAccount, known_accounts},
    card::ScopeName,
    request::{Dimension, EvaluationRequest},
};

/// One scope: the values of the dimensions asked for, in their order.
pub(super) type Scope = Vec<Option<SmolStr>>;

/// Accounts and scopes, each known by a number.
#[derive(Debug)]
pub(super) struct Scopes {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) accounts: Vec<KnownAccount>,
    by_id: HashMap<SmolStr, u32>,
    scopes: Vec<Scope>,
    numbers: HashMap<Scope, u32>,
}

impl Scopes {
    /// Reads the accounts.
    pub(super) async fn read(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Self> {
        let mut scopes = Self {
            dimensions: request.dimensions(),
            accounts: Vec::new(),
            by_id: HashMap::new(),
            scopes: Vec::new(),
            numbers: HashMap::new(),
        };
        for account in known_accounts(ctx, request).await? {
            scopes.add(account);
        }
        Ok(scopes)
    }

    fn add(&mut self, account: KnownAccount) -> u32 {
        let number = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        self.by_id.insert(account.id.clone(), number);
        self.accounts.push(account);
        number
    }

    /// The number of an account; one that only facts name is added.
    pub(super) fn account(&mut self, id: &str) -> u32 {
        match self.by_id.get(id) {
            Some(&number) => number,
            None => self.add(KnownAccount::of_facts(id)),
        }
    }

    /// The number of the scope of an account and the values of the post dimensions, in their order.
    pub(super) fn scope(&mut self, account: u32, posts: &[Option<SmolStr>]) -> u32 {
        let mut posts = posts.iter();
        let scope: Scope = self
            .dimensions
            .iter()
            .map(|dimension| {
                if dimension.of_posts() {
                    posts.next().cloned().flatten()
                } else {
                    self.property(account, *dimension)
                }
            })
            .collect();
        self.intern(scope)
    }

    /// The dimensions that are properties of posts, in their order.
    pub(super) fn post_dimensions(&self) -> Vec<Dimension> {
        self.dimensions.iter().copied().filter(|dimension| dimension.of_posts()).collect()
    }

    fn property(&self, account: u32, dimension: Dimension) -> Option<SmolStr> {
        let account = self.accounts.get(account as usize)?;
        match dimension {
            Dimension::Platform => Some(account.platform.clone()),
            Dimension::Account => Some(account.id.clone()),
            Dimension::Brand => account.brand.clone(),
            Dimension::Market => account.market.clone(),
            _ => None,
        }
    }

    fn intern(&mut self, scope: Scope) -> u32 {
        if let Some(&number) = self.numbers.get(&scope) {
            return number;
        }
        let number = u32::try_from(self.scopes.len()).unwrap_or(u32::MAX);
        self.numbers.insert(scope.clone(), number);
        self.scopes.push(scope);
        number
    }

    /// All scopes that rows can be of; none is added after it.
    pub(super) fn settle(mut self) -> SettledScopes {
        let none = vec![None; self.post_dimensions().len()];
        let accounts = 0..u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        let of_accounts = accounts.map(|account| self.scope(account, &none)).collect();
        let whole = self.scope(u32::MAX, &[]);
        let mut bases = Vec::new();
        // Bases are added behind the scopes that they are of, and are their own.
        while let Some(scope) = self.scopes.get(bases.len()) {
            let base = self.without_posts(scope);
            bases.push(self.intern(base));
        }
        let mut order: Vec<usize> = (0..self.scopes.len()).collect();
        order.sort_by(|a, b| self.scopes.get(*a).cmp(&self.scopes.get(*b)));
        let mut ranks = vec![0; order.len()];
        for (rank, scope) in order.into_iter().enumerate() {
            if let Some(slot) = ranks.get_mut(scope) {
                *slot = rank;
            }
        }
        let names = self.scopes.iter().map(|scope| Arc::new(self.named(scope))).collect();
        SettledScopes {
            dimensions: self.dimensions,
            accounts: self.accounts,
            of_accounts,
            whole,
            bases,
            ranks,
            names,
        }
    }

    /// The same scope without its post dimensions: where facts about accounts belong.
    fn without_posts(&self, scope: &Scope) -> Scope {
        let values = scope.iter().zip(&self.dimensions);
        values.map(|(value, dimension)| value.clone().filter(|_| !dimension.of_posts())).collect()
    }

    /// A scope as a scorecard names it.
    fn named(&self, scope: &Scope) -> BTreeMap<String, Option<String>> {
        let pairs = self.dimensions.iter().zip(scope);
        pairs
            .map(|(dimension, value)| (dimension.as_str().to_owned(), value.as_ref().map(SmolStr::to_string)))
            .collect()
    }
}

/// Accounts and scopes after all that names them was read; what rows of a scorecard are written from, on any thread.
#[derive(Debug)]
pub(super) struct SettledScopes {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) accounts: Vec<KnownAccount>,
    of_accounts: Vec<u32>,
    /// The scope in which no dimension has a value.
    pub(super) whole: u32,
    bases: Vec<u32>,
    ranks: Vec<usize>,
    names: Vec<ScopeName>,
}

impl SettledScopes {
    /// The scope of an account without post dimensions.
    pub(super) fn of_account(&self, account: u32) -> u32 {
        self.of_accounts.get(account as usize).copied().unwrap_or(self.whole)
    }

    /// The same scope without its post dimensions: where facts about accounts belong.
    pub(super) fn base(&self, scope: u32) -> u32 {
        self.bases.get(scope as usize).copied().unwrap_or(scope)
    }

    /// Where a scope stands among all, by its values.
    pub(super) fn rank(&self, scope: u32) -> usize {
        self.ranks.get(scope as usize).copied().unwrap_or(usize::MAX)
    }

    /// A scope as a scorecard names it.
    pub(super) fn named(&self, scope: u32) -> ScopeName {
        self.names.get(scope as usize).cloned().unwrap_or_default()
    }

    /// Whether posts have dimensions here.
    pub(super) fn of_posts(&self) -> bool {
        self.dimensions.iter().any(|dimension| dimension.of_posts())
    }
}
