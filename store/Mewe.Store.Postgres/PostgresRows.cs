using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>Rows as records.</summary>
internal static class PostgresRows
{
    public static JobRecord Job(NpgsqlDataReader row)
    {
        var submitted = new NewJob(row.Id("id"), row.Text("name")!, row.Hash("module")!.Value, row.Text("options")!)
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

    public static JobProgress Progress(NpgsqlDataReader row) => new(row.Int("total"), row.Int("available"), row.Int("running"), row.Int("done"), row.Int("failed"), row.Int("cancelled"),
        row.Long("variants"), Tally(row));

    public static FunctionRecord Function(NpgsqlDataReader row) => new(row.Int("function"), row.Text("name")!, row.Long("cost"), (FunctionState)row.Int("state"), row.Int("attempt"), row.Int("failures"),
        row.Text("silo"), row.Time("started_at"), row.Time("finished_at"), row.Time("not_before"), row.Error(), row.Int("variants"), Tally(row));

    public static VariantRecord Variant(NpgsqlDataReader row) => new(row.Int("function"),
        new NewVariant(row.Int("ordinal"), row.Hash("code")!.Value, row.Int("code_bytes"), row.Text("transforms")!, (VariantEvidence)row.Int("evidence"), row.Text("reason"), row.Long("tests_passed")),
        row.GetBoolean(row.GetOrdinal("linked")));

    public static FinishedFunction Finished(NpgsqlDataReader row) => new(row.Int("function"), row.Text("name")!, (FunctionState)row.Int("state"),
        row.IsDBNull(row.GetOrdinal("content")) ? default(ReadOnlyMemory<byte>) : row.GetFieldValue<byte[]>(row.GetOrdinal("content")), row.Error());

    public static SiloRecord Silo(NpgsqlDataReader row) => new(new SiloLease(row.Text("silo")!, row.Long("epoch")), row.Int("workers"), row.Text("version")!,
        row.Text("scheduler")!, row.Time("registered_at")!.Value, row.Time("expires_at")!.Value, row.GetBoolean(row.GetOrdinal("alive")));

    public static ApiKeyRecord Key(NpgsqlDataReader row) => new(row.Id("id"), row.Text("name")!, (ApiRoles)row.Int("roles"), row.Time("created_at")!.Value, row.Time("revoked_at"));

    public static string Id(this NpgsqlDataReader row, int column) => row.GetGuid(column).ToString("N");

    private static CandidateTally Tally(NpgsqlDataReader row) => new(row.Long("proposed"), row.Long("tested"), row.Long("refuted"));

    private static WorkError? Error(this NpgsqlDataReader row) => row.Text("error_kind") is { } kind ? new WorkError(kind, row.Text("error")!) : null;

    private static string Id(this NpgsqlDataReader row, string column) => row.Id(row.GetOrdinal(column));

    private static string? Text(this NpgsqlDataReader row, string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetString(at);

    private static int Int(this NpgsqlDataReader row, string column) => row.GetInt32(row.GetOrdinal(column));

    private static long Long(this NpgsqlDataReader row, string column) => row.GetInt64(row.GetOrdinal(column));

    private static BlobHash? Hash(this NpgsqlDataReader row, string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : new BlobHash(row.GetFieldValue<byte[]>(at));

    private static DateTimeOffset? Time(this NpgsqlDataReader row, string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetFieldValue<DateTimeOffset>(at);
}
