namespace Mewe.Store.Sqlite;

/// <summary>Keys in a store file: for tests, and for a silo on one machine.</summary>
internal sealed class SqliteApiKeyStore(SqliteSession session) : IApiKeyStore
{
    public Task<StoreAnswer<ApiKeyRecord>> AddKeyAsync(string name, BlobHash secret, ApiRoles roles, CancellationToken cancellation) => session.RunAsync(
        work =>
        {
            var key = new ApiKeyRecord(Guid.CreateVersion7().ToString("N"), StoredText.Of(name), roles, DateTimeOffset.FromUnixTimeMilliseconds(work.Now), null);
            work.Execute("key-add", ("$id", key.Id), ("$secret", secret.ToArray()), ("$name", key.Name), ("$roles", (int)roles), ("$now", work.Now));
            return key;
        },
        writes: true,
        cancellation);

    public Task<StoreAnswer<ApiKeyRecord?>> FindKeyAsync(BlobHash secret, CancellationToken cancellation) =>
        session.RunAsync(work => work.Query("key-find", SqliteRows.Key, ("$secret", secret.ToArray())).SingleOrDefault(), writes: false, cancellation);

    public Task<StoreAnswer<IReadOnlyList<ApiKeyRecord>>> ListKeysAsync(CancellationToken cancellation) =>
        session.RunAsync<IReadOnlyList<ApiKeyRecord>>(work => work.Query("keys-list", SqliteRows.Key), writes: false, cancellation);

    public Task<StoreAnswer<bool>> AnyKeyAsync(CancellationToken cancellation) =>
        session.RunAsync(work => work.Query("key-any", row => row.GetInt32(0) == 1).Single(), writes: false, cancellation);

    public Task<StoreAnswer<bool>> RevokeKeyAsync(string id, CancellationToken cancellation) =>
        session.RunAsync(work => work.Execute("key-revoke", ("$id", StoredText.Of(id)), ("$now", work.Now)) > 0, writes: true, cancellation);
}
