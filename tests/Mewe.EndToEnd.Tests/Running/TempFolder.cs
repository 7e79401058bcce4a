namespace Mewe.EndToEnd.Tests.Running;

/// <summary>A folder of a test's own, gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    private readonly string path = Directory.CreateTempSubdirectory("mewe-e2e-").FullName;

    /// <summary>The path of a file in it, which need not exist.</summary>
    public string this[string name] => Path.Combine(path, name);

    public IEnumerable<string> Names => Directory.EnumerateFileSystemEntries(path).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal);

    /// <summary>Writes a file and gives its path.</summary>
    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => Directory.Delete(path, recursive: true);
}
