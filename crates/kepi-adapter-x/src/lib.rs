//! What X (Twitter) API v2 says about a brand's accounts and posts.
