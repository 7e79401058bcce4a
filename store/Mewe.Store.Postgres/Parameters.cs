using Npgsql;
using NpgsqlTypes;

namespace Mewe.Store.Postgres;

/// <summary>Parameters with their types said, so that a null has one and the server never guesses.</summary>
internal static class Parameters
{
    public static NpgsqlParameter Text(string name, string? value) => Of(name, NpgsqlDbType.Text, value);

    public static NpgsqlParameter Int(string name, int? value) => Of(name, NpgsqlDbType.Integer, value);

    public static NpgsqlParameter Small(string name, int? value) => Of(name, NpgsqlDbType.Smallint, (short?)value);

    public static NpgsqlParameter Long(string name, long? value) => Of(name, NpgsqlDbType.Bigint, value);

    public static NpgsqlParameter Bool(string name, bool? value) => Of(name, NpgsqlDbType.Boolean, value);

    public static NpgsqlParameter Hash(string name, BlobHash? value) => Of(name, NpgsqlDbType.Bytea, value?.ToArray());

    public static NpgsqlParameter Bytes(string name, ReadOnlyMemory<byte> value) => Of(name, NpgsqlDbType.Bytea, value);

    public static NpgsqlParameter Time(string name, DateTimeOffset? value) => Of(name, NpgsqlDbType.TimestampTz, value?.UtcDateTime);

    public static NpgsqlParameter Span(string name, TimeSpan value) => Of(name, NpgsqlDbType.Interval, value);

    /// <summary>A job. Text that is no job's name is null here, and names nothing there either.</summary>
    public static NpgsqlParameter Job(string name, string? job) => Of(name, NpgsqlDbType.Uuid, Uuid(job));

    public static NpgsqlParameter Jobs(string name, IEnumerable<string> jobs) => Array(name, NpgsqlDbType.Uuid, jobs.Select(job => Uuid(job) ?? Guid.Empty));

    public static NpgsqlParameter Texts(string name, IEnumerable<string?> values) => Array(name, NpgsqlDbType.Text, values);

    public static NpgsqlParameter Ints(string name, IEnumerable<int> values) => Array(name, NpgsqlDbType.Integer, values);

    public static NpgsqlParameter Smalls(string name, IEnumerable<int> values) => Array(name, NpgsqlDbType.Smallint, values.Select(value => (short)value));

    public static NpgsqlParameter Longs(string name, IEnumerable<long> values) => Array(name, NpgsqlDbType.Bigint, values);

    public static NpgsqlParameter Times(string name, IEnumerable<DateTimeOffset> values) => Array(name, NpgsqlDbType.TimestampTz, values.Select(value => value.UtcDateTime));

    public static NpgsqlParameter BytesOf(string name, IEnumerable<byte[]> values) => Array(name, NpgsqlDbType.Bytea, values);

    public static NpgsqlParameter BytesOf(string name, IEnumerable<ReadOnlyMemory<byte>> values) => Array(name, NpgsqlDbType.Bytea, values);

    public static Guid? Uuid(string? job) => JobId.IsOne(job) ? Guid.ParseExact(job, "N") : null;

    private static NpgsqlParameter Array<T>(string name, NpgsqlDbType type, IEnumerable<T> values) => Of(name, NpgsqlDbType.Array | type, values.ToArray());

    private static NpgsqlParameter Of(string name, NpgsqlDbType type, object? value) => new(name, type) { Value = value ?? DBNull.Value };
}
