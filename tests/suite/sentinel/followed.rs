//! A master that dies, comes back as a replica, and is made the master again, under load.

use std::{collections::BTreeMap, slice::from_ref, time::Instant};

use fullon_cache_api::cache::Setup;

use super::{
    all, ask, config,
    scene::{Scene, Writer, agree, follows, is_named, watched_over},
};
use crate::common::{MASTER, all_fresh, eventually};

#[tokio::test]
async fn the_master_is_followed_and_nobody_is_disconnected() {
    let (mut first, second, sentinels) = watched_over(Setup::One).await;
    let writer = Writer::start(&sentinels, 0);
    let mut scene = Scene::of(config(&all(&sentinels)), from_ref(&second)).await;

    // It dies.
    let since = Instant::now();
    first.kill();
    is_named(&second, &sentinels[0], since).await;
    all_fresh(&mut scene.watchers, 1, since).await;
    let written = writer.stop().await;
    scene.knows(&second).await;
    let (outages, reconnects) = scene.outages(&second).await;

    // It comes back, first as a master, and is made a replica. That is nobody's business.
    let writer = Writer::start(&sentinels, written);
    first.revive().await;
    eventually("the old master is a replica", async || follows(&first).await).await;
    let written = writer.stop().await;
    scene.knows(&second).await;
    agree(&sentinels, 1).await;
    assert_eq!(scene.outages(&second).await, (outages.clone(), reconnects));

    // The master is moved by hand, and lives on.
    let writer = Writer::start(&sentinels, written);
    let since = Instant::now();
    eventually("it is moved", async || {
        let mut named = Vec::new();
        for sentinel in &sentinels {
            named.push(sentinel.master().await == first.port);
        }
        // Where the others are slow to learn of it, they undo it. An error means that it is under way, or that there is no
        // good replica yet.
        if !named[1] {
            let _ = sentinels[1].try_to::<()>(&["SENTINEL", "FAILOVER", MASTER]).await;
        }
        named.into_iter().all(|is_first| is_first)
    })
    .await;
    is_named(&first, &sentinels[1], since).await;
    for (watcher, outages) in scene.watchers.iter_mut().zip(outages) {
        all_fresh(std::slice::from_mut(watcher), outages + 1, since).await;
    }
    writer.stop().await;
    scene.knows(&first).await;

    // Nobody was disconnected, and nothing was sent that the users may not.
    scene.is_complete().await;
    for redis in [&first, &second] {
        let refused: Vec<BTreeMap<String, redis::Value>> = ask(redis, &["ACL", "LOG"]).await.unwrap();
        assert!(refused.is_empty(), "{refused:?}");
    }
    for sentinel in &sentinels {
        assert!(sentinel.refused().await.is_empty(), "{:?}", sentinel.refused().await);
    }
}

#[tokio::test]
async fn a_master_that_freezes_is_left_and_not_gone_back_to_when_it_thaws() {
    let (first, second, sentinels) = watched_over(Setup::One).await;
    let writer = Writer::start(&sentinels, 0);
    let mut scene = Scene::of(config(&all(&sentinels)), from_ref(&second)).await;
    let since = Instant::now();
    first.signal("STOP");
    is_named(&second, &sentinels[0], since).await;
    all_fresh(&mut scene.watchers, 1, since).await;
    let before = scene.outages(&second).await;
    // It takes itself for the master, until the sentinels tell it better.
    first.signal("CONT");
    eventually("the old master is a replica", async || follows(&first).await).await;
    writer.stop().await;
    scene.knows(&second).await;
    assert_eq!(scene.outages(&second).await, before);
    scene.is_complete().await;
}
