//! What a change of this server's membership of a domain does to sessions.

use std::sync::Arc;

use freehold::proto::session::Identity;
use freehold_acl::Token;
use freehold_dtyp::Sid;

use crate::world::World;

#[test]
fn leaving_the_domain_ends_the_sessions_of_its_users_alone() {
    let mut world = World::new(41);
    for _ in 0..2 {
        let client = world.connect();
        world.log_on(client).unwrap();
        world.tree_connect(client, "data").unwrap();
    }
    let sessions = world.server.sessions.values();
    let [of_domain, local] = &sessions[..] else { panic!("{} sessions", sessions.len()) };
    let user = "S-1-5-21-7-8-9-1103".parse::<Sid>().unwrap();
    let identity = Identity::clone(&local.identity.load());
    let token = Arc::new(Token::builder(user).groups([Sid::EVERYONE]).build());
    of_domain.identity.store(Arc::new(Identity { token, ..identity }));
    let (gone, stays) = (of_domain.id, local.id);
    drop(sessions);
    let now = world.now();
    world.server.domain_gone(now);
    world.run();
    assert!(world.server.sessions.find(&gone.0).is_none(), "the domain user's session");
    assert!(world.server.sessions.find(&stays.0).is_some(), "the local user's session");
    for client in 0..2 {
        world.receive(client).unwrap();
        world.disconnect(client);
    }
    world.settle();
    world.check_nothing_left();
}
