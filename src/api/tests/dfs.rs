//! DFS namespaces through the routes.

use super::*;

/// `\` in a query.
const SLASH: &str = "%5C";

#[tokio::test]
async fn a_namespace_is_made_changed_and_removed() {
    let server = server();
    let token = server.token(&["dfs:read", "dfs:write", "shares:write"]);
    let namespaces = "/v1/dfs/namespaces";
    let new = r#"{"Name":"files","Volume":"data","Path":"dfs","Settings":{"EnableTargetFailback":true}}"#;
    let (status, made) = server.ask("POST", namespaces, &token, new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["Properties"], json!(["Target Failback"]));
    assert_eq!(server.ask("POST", namespaces, &token, new).await.0, StatusCode::CONFLICT);
    let one = "/v1/dfs/namespaces/FILES";
    let (status, row) =
        server.ask("PATCH", one, &token, r#"{"Settings":{"TimeToLiveSec":77,"State":"Offline"}}"#).await;
    assert_eq!(
        (status, &row["TimeToLiveSec"], &row["State"]),
        (StatusCode::OK, &json!(77), &json!("Offline"))
    );
    let (status, problem) = server.ask("PATCH", one, &token, r#"{"Settings":{"TimeToLiveSec":0}}"#).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("TimeToLiveSec")));
    let (status, problem) = server.ask("PATCH", one, &token, r#"{"Settings":{"Ttl":1}}"#).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Ttl")));
    assert_eq!(server.ask("GET", one, &token, "").await.1, row);
    assert_eq!(server.ask("GET", namespaces, &token, "").await.1, json!([row]));
    assert_eq!(server.ask("DELETE", one, &token, "").await.0, StatusCode::NO_CONTENT);
    for (method, body) in [("GET", ""), ("DELETE", ""), ("PATCH", r#"{"Settings":{}}"#)] {
        assert_eq!(server.ask(method, one, &token, body).await.0, StatusCode::NOT_FOUND, "{method}");
    }
}

#[tokio::test]
async fn folders_and_targets_have_their_path_in_the_query_or_the_body() {
    let server = server();
    let token = server.token(&["dfs:read", "dfs:write", "shares:write"]);
    let new = r#"{"Name":"files","Volume":"data","Path":"dfs"}"#;
    server.ask("POST", "/v1/dfs/namespaces", &token, new).await;
    let folder = r#"{"Path":"files/teams/red","TargetPaths":["\\\\fs1\\red"],"Settings":{"TimeToLiveSec":60},
                     "Targets":{"ReferralPriorityRank":3}}"#;
    let (status, made) = server.ask("POST", "/v1/dfs/folders", &token, folder).await;
    assert_eq!((status, &made["TargetPaths"]), (StatusCode::CREATED, &json!(["\\\\fs1\\red"])), "{made}");
    let below = folder.replace("red\",\"T", "red/below\",\"T");
    let (status, problem) = server.ask("POST", "/v1/dfs/folders", &token, &below).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Path")), "{problem}");
    let target = r#"{"Path":"files\\teams\\red","TargetPath":"//fs2/red","Settings":{"State":"Offline"}}"#;
    let (status, rows) = server.ask("POST", "/v1/dfs/targets", &token, target).await;
    assert_eq!((status, rows.as_array().unwrap().len()), (StatusCode::CREATED, 2), "{rows}");
    assert_eq!(server.ask("POST", "/v1/dfs/targets", &token, target).await.0, StatusCode::CONFLICT);
    let online = target.replace("Offline", "Online");
    let (_, rows) = server.ask("PATCH", "/v1/dfs/targets", &token, &online).await;
    assert_eq!((&rows[0]["ReferralPriorityRank"], &rows[1]["State"]), (&json!(3), &json!("Online")));
    let moved = r#"{"Path":"files/teams/red","NewPath":"files/red"}"#;
    let (status, row) = server.ask("POST", "/v1/dfs/folders/move", &token, moved).await;
    assert_eq!((status, row["Path"].as_str().unwrap().ends_with("\\files\\red")), (StatusCode::OK, true));
    let query = format!("?path=files{SLASH}red");
    let (status, found) = server.ask("GET", &format!("/v1/dfs/folders{query}"), &token, "").await;
    assert_eq!((status, &found), (StatusCode::OK, &json!([row])));
    let change = r#"{"Path":"files/red","Settings":{"Description":"x"}}"#;
    assert_eq!(server.ask("PATCH", "/v1/dfs/folders", &token, change).await.1["Description"], "x");
    let (_, found) = server.ask("GET", &format!("/v1/dfs/resolve{query}{SLASH}plans"), &token, "").await;
    assert_eq!(
        (&found["Referral"], &found["Targets"][0]["LeadsTo"]),
        (&json!("Link"), &json!("\\\\fs2\\red\\plans"))
    );
    let last = format!("/v1/dfs/targets{query}&targetPath={SLASH}{SLASH}fs1{SLASH}red");
    assert_eq!(server.ask("DELETE", &last, &token, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.ask("DELETE", &last, &token, "").await.0, StatusCode::NOT_FOUND);
    let last = last.replace("fs1", "fs2");
    assert_eq!(server.ask("DELETE", &last, &token, "").await.0, StatusCode::CONFLICT);
    let all = format!("/v1/dfs/folders{query}");
    assert_eq!(server.ask("DELETE", &all, &token, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.ask("GET", "/v1/dfs/targets", &token, "").await.1, json!([]));
    let (status, problem) = server.ask("DELETE", "/v1/dfs/folders", &token, "").await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("path")), "{problem}");
}

#[tokio::test]
async fn a_token_changes_namespaces_by_its_scope_alone() {
    let server = server();
    let reader = server.token(&["dfs:read"]);
    assert_eq!(server.ask("GET", "/v1/dfs/folders", &reader, "").await.0, StatusCode::OK);
    let new = r#"{"Name":"files"}"#;
    let (status, problem) = server.ask("POST", "/v1/dfs/namespaces", &reader, new).await;
    assert_eq!((status, &problem["scope"]), (StatusCode::FORBIDDEN, &json!("dfs:write")));
    let new = r#"{"Name":"files","Volume":"data"}"#;
    let (status, problem) = server.ask("POST", "/v1/dfs/namespaces", &reader, new).await;
    assert_eq!((status, &problem["scope"]), (StatusCode::FORBIDDEN, &json!("shares:write")));
    // A share alone is not enough for a namespace.
    let shares = server.token_called("shares", &["shares:write"]);
    let (status, problem) = server.ask("POST", "/v1/dfs/namespaces", &shares, new).await;
    assert_eq!((status, &problem["scope"]), (StatusCode::FORBIDDEN, &json!("dfs:write")));
    assert!(server.state.shares().share("files").is_none());
    // The test of targets takes a server that runs.
    assert_eq!(server.ask("GET", "/v1/dfs/test", &reader, "").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}
