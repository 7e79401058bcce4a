using System.Diagnostics;
using System.Formats.Tar;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>A .tar.xz read into memory, through the system's xz: .NET has none.</summary>
internal static class XzArchive
{
    /// <summary>Every file of the archive by its path.</summary>
    public static Dictionary<string, byte[]> Read(string archive)
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using var xz = Process.Start(new ProcessStartInfo("xz", ["-dc", archive]) { RedirectStandardOutput = true })!;
        using (var reader = new TarReader(xz.StandardOutput.BaseStream))
        {
            while (reader.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                {
                    var bytes = new byte[entry.Length];
                    entry.DataStream?.ReadExactly(bytes);
                    files.Add(entry.Name, bytes);
                }
            }
        }

        xz.WaitForExit();
        Assert.True(xz.ExitCode == 0, $"xz cannot unpack {archive}");
        return files;
    }
}
