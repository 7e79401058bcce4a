using Microsoft.Data.Sqlite;

namespace Mewe.Store.Sqlite;

/// <summary>Rows as records.</summary>
internal static class SqliteRows
{
    public static JobRecord Job(SqliteDataReader row)
    {
        var submitted = new NewJob(row.Text("id")!, row.Text("name")!, row.Hash("module")!.Value, row.Text("options")!)
        {
            Workload = row.Hash("workload"),
            LinkPlan = row.Hash("link_plan"),
            Owner = row.Text("owner"),
            Priority = row.Int("priority"),
            Weight = row.Int("weight"),
            NotBefore = row.Time("not_before"),
            MaxAttempts = row.Int("max_attempts"),
            TraceParent = row.Text("trace_parent"),
        };
        return new JobRecord(submitted, (JobState)row.Int("state"), row.Time("submitted_at")!.Value, row.Time("started_at"), row.Time("finished_at"), row.Int("attempt"), row.Int("failures"),
            row.Text("silo"), row.Hash("plan"), row.Error(),
            row.Hash("output_module") is { } module ? new JobOutput(module, row.Hash("output_report")!.Value, row.Hash("output_plan")!.Value) : null, Progress(row));
    }

    public static JobProgress Progress(SqliteDataReader row) => new(row.Int("total"), row.Int("available"), row.Int("running"), row.Int("done"), row.Int("failed"), row.Int("cancelled"),
        row.Long("variants"), Tally(row));

    public static FunctionRecord Function(SqliteDataReader row) => new(row.Int("function"), row.Text("name")!, row.Long("cost"), (FunctionState)row.Int("state"), row.Int("attempt"), row.Int("failures"),
        row.Text("silo"), row.Time("started_at"), row.Time("finished_at"), row.Time("not_before"), row.Error(), row.Int("variants"), Tally(row));

    public static VariantRecord Variant(SqliteDataReader row) => new(row.Int("function"),
        new NewVariant(row.Int("ordinal"), row.Hash("code")!.Value, row.Int("code_bytes"), row.Text("transforms")!, (VariantEvidence)row.Int("evidence"), row.Text("reason"), row.Long("tests_passed")),
        row.Int("linked") == 1);

    public static FinishedFunction Finished(SqliteDataReader row) => new(row.Int("function"), row.Text("name")!, (FunctionState)row.Int("state"),
        row.IsDBNull(row.GetOrdinal("content")) ? default(ReadOnlyMemory<byte>) : row.GetFieldValue<byte[]>(row.GetOrdinal("content")), row.Error());

    public static SiloRecord Silo(SqliteDataReader row, long now) => new(new SiloLease(row.Text("silo")!, row.Long("epoch")), row.Int("workers"), row.Text("version")!, row.Text("scheduler")!,
        row.Time("registered_at")!.Value, row.Time("expires_at")!.Value, row.Long("expires_at") > now);

    public static ApiKeyRecord Key(SqliteDataReader row) => new(row.Text("id")!, row.Text("name")!, (ApiRoles)row.Int("roles"), row.Time("created_at")!.Value, row.Time("revoked_at"));

    private static CandidateTally Tally(SqliteDataReader row) => new(row.Long("proposed"), row.Long("tested"), row.Long("refuted"));

    private static WorkError? Error(this SqliteDataReader row) => row.Text("error_kind") is { } kind ? new WorkError(kind, row.Text("error")!) : null;

    private static string? Text(this SqliteDataReader row, string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetString(at);

    private static int Int(this SqliteDataReader row, string column) => row.GetInt32(row.GetOrdinal(column));

    private static long Long(this SqliteDataReader row, string column) => row.GetInt64(row.GetOrdinal(column));

    private static BlobHash? Hash(this SqliteDataReader row, string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : new BlobHash(row.GetFieldValue<byte[]>(at));

    private static DateTimeOffset? Time(this SqliteDataReader row, string column) =>
        row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(at));
}
