//! Lists out of the read models, page by page.

use super::{Page, Paging, limit_of, seq_of};
use crate::app::App;
use crate::problem::Problem;
use sqlx::any::AnyRow;

/// What a list goes on after, and how far.
pub(super) struct Cut {
    after: After,
    limit: i64,
}

enum After {
    Id(String),
    Seq(i64),
}

impl Cut {
    /// Of a list in the order of ids.
    ///
    /// # Errors
    /// `H615` for a limit that is none.
    pub(super) fn by_id(paging: &Paging) -> Result<Self, Problem> {
        let after = After::Id(paging.cursor.clone().unwrap_or_default());
        Ok(Self { after, limit: limit_of(paging.limit)? })
    }

    /// Of a list in the order of the log.
    ///
    /// # Errors
    /// `H615` for a limit or a cursor that is none.
    pub(super) fn by_seq(paging: &Paging) -> Result<Self, Problem> {
        Ok(Self { after: After::Seq(seq_of(paging.cursor.as_ref())?), limit: limit_of(paging.limit)? })
    }

    /// The page. `sql` takes the county as `$1`, what it goes on after as `$2`, its limit as `$3` and, where it names it,
    /// the one whose rows are asked for as `$4`, empty for everybody's.
    ///
    /// # Errors
    /// The store's faults.
    pub(super) async fn page<T>(
        self,
        app: &App,
        sql: &'static str,
        own: Option<String>,
        view: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        let query = sqlx::query(sql).bind(app.code.clone());
        let query = match self.after {
            After::Id(id) => query.bind(id),
            After::Seq(seq) => query.bind(seq),
        };
        let query = query.bind(self.limit + 1);
        let query = match own {
            Some(own) => query.bind(own),
            None => query,
        };
        let rows = query.fetch_all(app.store.readers()).await?;
        let items = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, self.limit, key))
    }
}
