//! Takes our finalizer off every object, before the facade is removed for good: nobody else would ever do it, and no
//! object could be deleted any more. While the sync runs, it puts the finalizer back.

use futures::future::BoxFuture;
use krake_crds::finalizer;
use kube::{
    Client,
    api::{DynamicObject, ListParams},
};

use crate::{
    error::Error,
    objects::{Objects, Written, within},
    patch,
    translate::{ForKind, Pairing, every_kind},
};

/// Objects that are read at once.
const PAGE: u32 = 500;

/// Detaches the objects of all kinds; gives how many there were.
///
/// # Errors
/// The management cluster did not do its part; what has been done is done, and the rest can be done by calling again.
pub async fn detach(client: &Client) -> Result<usize, Error> {
    let mut work = Detachments { client: client.clone(), of_kinds: Vec::new() };
    every_kind(&mut work);
    let mut detached = 0;
    for of_kind in work.of_kinds {
        detached += of_kind.await?;
    }
    Ok(detached)
}

/// The work for each kind, not yet begun.
struct Detachments {
    client: Client,
    of_kinds: Vec<BoxFuture<'static, Result<usize, Error>>>,
}

impl ForKind for Detachments {
    fn apply<P: Pairing>(&mut self) {
        self.of_kinds.push(Box::pin(detach_kind::<P>(self.client.clone())));
    }
}

async fn detach_kind<P: Pairing>(client: Client) -> Result<usize, Error> {
    let objects = Objects::new::<P::Resource>(client);
    let mut detached = 0;
    loop {
        let held = held(&objects).await?;
        if held.is_empty() {
            tracing::info!(kind = P::KIND, detached, "detached");
            return Ok(detached);
        }
        for object in held {
            match objects.patch(&object, patch::release(&object)).await? {
                Written::Done(_) => detached += 1,
                Written::Overtaken => {} // the next list shows it again if it is still held
                Written::Refused(sentence) => {
                    return Err(Error::Refused { name: object.metadata.name.unwrap_or_default(), sentence });
                }
            }
        }
    }
}

/// All objects that carry our finalizer.
async fn held(objects: &Objects) -> Result<Vec<DynamicObject>, Error> {
    let is_held =
        |object: &DynamicObject| object.metadata.finalizers.iter().flatten().any(|name| name == finalizer::MIRROR);
    let (api, mut query, mut all) = (objects.everywhere(), ListParams::default().limit(PAGE), Vec::new());
    loop {
        let page = within("listing objects", api.list(&query)).await?;
        all.extend(page.items.into_iter().filter(is_held));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => query = query.continue_token(&token),
            None => return Ok(all),
        }
    }
}
