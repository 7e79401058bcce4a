namespace Mewe.Client;

/// <summary>Reads and writes the user's files. An output appears whole or not at all.</summary>
internal static class Files
{
    public static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var reason = exception is FileNotFoundException or DirectoryNotFoundException ? "there is no such file"
                : Directory.Exists(path) ? "it is a folder" : exception.Message;
            throw new CommandException(ExitCode.NoInput, $"cannot read {path}: {reason}");
        }
    }

    /// <summary>Fails early where an output could not be written, before long work is done for it.</summary>
    public static void CheckWritable(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new CommandException(ExitCode.CannotCreate, "cannot write the output: its path is empty or no path");
        }

        var directory = Path.GetDirectoryName(Path.GetFullPath(path));
        if (!Directory.Exists(directory))
        {
            throw new CommandException(ExitCode.CannotCreate, $"cannot write {path}: there is no folder {directory}");
        }

        if (Directory.Exists(path))
        {
            throw new CommandException(ExitCode.CannotCreate, $"cannot write {path}: it is a folder");
        }
    }

    public static void Write(string path, byte[] bytes) => WriteAll([(path, bytes)]);

    /// <summary>Writes temporary files beside the paths, and when all of them are complete renames them: either all outputs appear or none.</summary>
    public static void WriteAll(IReadOnlyList<(string Path, byte[] Bytes)> outputs)
    {
        var at = "";
        try
        {
            foreach (var (path, bytes) in outputs)
            {
                at = path;
                using var stream = new FileStream(Temporary(path), FileMode.Create, FileAccess.Write);
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }

            foreach (var (path, _) in outputs)
            {
                at = path;
                File.Move(Temporary(path), path, overwrite: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            foreach (var (path, _) in outputs)
            {
                if (File.Exists(Temporary(path)))
                {
                    File.Delete(Temporary(path));
                }
            }

            throw new CommandException(ExitCode.CannotCreate, $"cannot write {at}: {exception.Message}");
        }
    }

    private static string Temporary(string path) => path + $".{Environment.ProcessId}.tmp";
}
