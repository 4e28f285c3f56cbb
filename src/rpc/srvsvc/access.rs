//! Who may do what: the groups that [MS-SRVS] names in product behavior notes <44> to <103> and <161> to <179>.

use freehold_dtyp::Sid;

use super::super::RpcContext;

/// Administrators and Server Operators: all that changes the server or tells of others' sessions.
pub(super) fn is_server_operator(cx: &RpcContext<'_>) -> bool {
    cx.is_administrator() || cx.caller.contains(&Sid::SERVER_OPERATORS)
}

/// And Power Users: shares and server information in detail.
pub(super) fn is_power_user(cx: &RpcContext<'_>) -> bool {
    is_server_operator(cx) || cx.caller.contains(&Sid::POWER_USERS)
}

/// And Print Operators: who is connected to what, shares with their paths and descriptors.
pub(super) fn may_list(cx: &RpcContext<'_>) -> bool {
    is_power_user(cx) || cx.caller.contains(&Sid::PRINT_OPERATORS)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Fixture;
    use super::*;

    #[test]
    fn each_group_may_what_the_notes_say() {
        let rights = |group: Option<Sid>| {
            let fixture = Fixture::new().caller_in(group);
            let cx = fixture.context();
            (is_server_operator(&cx), is_power_user(&cx), may_list(&cx))
        };
        assert_eq!(rights(Some(Sid::ADMINISTRATORS)), (true, true, true));
        assert_eq!(rights(Some(Sid::SERVER_OPERATORS)), (true, true, true));
        assert_eq!(rights(Some(Sid::POWER_USERS)), (false, true, true));
        assert_eq!(rights(Some(Sid::PRINT_OPERATORS)), (false, false, true));
        assert_eq!(rights(None), (false, false, false));
    }
}
