//! Faults that harm no server: these stories share a system, and are played at the same time.

use anyhow::{Result, ensure};
use futures::{FutureExt, future::LocalBoxFuture};
use krake_testbed::{Testbed, fleet::FleetOptions};

use crate::{bad_move, provider_away, stopped, target_cut, target_lost};

/// The stories under the names of what they promise.
macro_rules! stories {
    ($testbed:expr, $($module:ident::$story:ident),+ $(,)?) => {
        vec![$((stringify!($story), $module::$story($testbed).boxed_local())),+]
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_slow_or_forbidden_loses_nothing_and_disturbs_nobody() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stories: Vec<(&str, LocalBoxFuture<'_, Result<()>>)> = stories![
        &testbed,
        target_cut::a_cut_moves_only_what_does_not_tolerate_it_and_is_tidied_up_afterwards,
        target_cut::a_target_that_flaps_keeps_its_application,
        target_lost::a_lost_target_is_let_go_by_policy_and_its_applications_run_elsewhere,
        provider_away::a_provider_that_is_down_costs_no_application_its_place,
        provider_away::a_provider_that_is_slow_slows_nobody_else,
        stopped::the_stop_switch_holds_moves_and_removals_until_it_is_off,
        stopped::a_tripped_budget_keeps_the_rest_until_somebody_acknowledges_it,
        bad_move::a_move_that_never_gets_ready_is_given_up_and_the_old_copy_serves_all_the_time,
    ];
    let played = stories.into_iter().map(async |(name, story)| (name, story.await));
    let ended = futures::future::join_all(played).await;
    let failures: Vec<_> =
        ended.into_iter().filter_map(|(name, end)| Some(format!("{name}: {:#}", end.err()?))).collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
