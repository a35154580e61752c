//! The tables: made where they are missing, and never changed by a program that does not know them.

use std::time::Duration;

use super::engine::{Engine, Lane, Value};
use super::sweep::sweep_members;
use crate::store::StoreError;

/// Version of the tables this program works with. A database with a higher one is refused.
const SCHEMA_VERSION: i64 = 1;

/// `ganglion_meta`, `ganglion_member` and `ganglion_lease`.
const TABLES: i64 = 3;

/// Makes the tables where they are missing and checks their version; old members are swept out. A user
/// that may not make tables needs none of that right when somebody else has made them.
pub(super) async fn prepare<E: Engine>(engine: &E, group: &str) -> Result<(), StoreError> {
    let mut failure = StoreError::Refused("the tables ganglion_* come and go".into());
    // Two nodes may create the same table at the same time; one of them is told off and looks again.
    for _ in 0..5 {
        if let Some(version) = version(engine).await? {
            if version > SCHEMA_VERSION {
                return Err(StoreError::Setup(format!(
                    "the tables ganglion_* have version {version}, this program knows {SCHEMA_VERSION}; use a newer \
                     program"
                )));
            }
            if let Err(error) = sweep_members(engine, group).await {
                tracing::debug!(%error, "ended members stay for another while");
            }
            return Ok(());
        }
        match create_tables(engine).await {
            Ok(()) => {}
            Err(StoreError::Setup(why)) => {
                return Err(StoreError::Setup(format!(
                    "tables of the coordinator are missing, and this user cannot make them ({why}); an administrator \
                     makes them with coordination/src/schema/{}",
                    E::schema().0
                )));
            }
            Err(StoreError::Refused(why)) => {
                failure = StoreError::Refused(why);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(other) => return Err(other),
        }
    }
    Err(failure)
}

/// The tables' version; `None` when one of them or the version is missing.
async fn version<E: Engine>(engine: &E) -> Result<Option<i64>, StoreError> {
    let texts = E::statements();
    let found = engine.fetch(Lane::Control, &texts.tables, &[], "i").await?;
    if found.first().and_then(|row| row.first()).map_or(0, Value::int) < TABLES {
        return Ok(None);
    }
    let found = engine.fetch(Lane::Control, &texts.version, &[], "i").await?;
    Ok(found.first().and_then(|row| row.first()).map(Value::int))
}

async fn create_tables<E: Engine>(engine: &E) -> Result<(), StoreError> {
    for statement in E::schema().1.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        engine.execute(Lane::Control, statement, &[]).await?;
    }
    Ok(())
}
