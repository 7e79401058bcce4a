namespace Mewe.Store.Postgres;

/// <summary>Keys in PostgreSQL.</summary>
internal sealed class PostgresApiKeyStore(PostgresSession session) : IApiKeyStore
{
    public async Task<StoreAnswer<ApiKeyRecord>> AddKeyAsync(string name, BlobHash secret, ApiRoles roles, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("key-add", PostgresRows.Key, cancellation, Parameters.Job("id", JobId.New()), Parameters.Hash("secret", secret),
            Parameters.Text("name", StoredText.Of(name)), Parameters.Int("roles", (int)roles));
        return answer.Select<ApiKeyRecord>(keys => keys[0]);
    }

    public async Task<StoreAnswer<ApiKeyRecord?>> FindKeyAsync(BlobHash secret, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("key-find", PostgresRows.Key, cancellation, Parameters.Hash("secret", secret));
        return answer.Select<ApiKeyRecord?>(keys => keys.SingleOrDefault());
    }

    public async Task<StoreAnswer<IReadOnlyList<ApiKeyRecord>>> ListKeysAsync(CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("keys-list", PostgresRows.Key, cancellation);
        return answer.Select<IReadOnlyList<ApiKeyRecord>>(keys => keys);
    }

    public async Task<StoreAnswer<bool>> AnyKeyAsync(CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("key-any", row => row.GetBoolean(0), cancellation);
        return answer.Select<bool>(any => any[0]);
    }

    public async Task<StoreAnswer<bool>> RevokeKeyAsync(string id, CancellationToken cancellation)
    {
        var answer = await session.ExecuteAsync("key-revoke", cancellation, Parameters.Job("id", id));
        return answer.Select<bool>(revoked => revoked > 0);
    }
}
