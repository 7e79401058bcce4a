namespace Mewe.Client.Tests;

/// <summary>An output appears whole or not at all.</summary>
public sealed class FilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mewe-files-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        var path = Path.Combine(folder, "out");
        Files.Write(path, [1, 2, 3]);
        Assert.Equal([1, 2, 3], Files.Read(path));
        Assert.Equal(["out"], Names());
    }

    [Fact]
    public void AnOlderFileIsReplacedAsAWhole()
    {
        var path = Path.Combine(folder, "out");
        Files.Write(path, new byte[1000]);
        Files.Write(path, [1]);
        Assert.Equal([1], Files.Read(path));
    }

    [Fact]
    public void AWriteThatFailsLeavesTheOldFileAndNothingElse()
    {
        // A folder cannot be replaced by a file, so the rename fails when all has been written.
        Directory.CreateDirectory(Path.Combine(folder, "out", "full"));
        Assert.Equal(ExitCode.CannotCreate, Assert.Throws<CommandException>(() => Files.Write(Path.Combine(folder, "out"), [1, 2, 3])).Code);
        Assert.Equal(["out"], Names());
        Assert.True(Directory.Exists(Path.Combine(folder, "out", "full")));
    }

    [Fact]
    public void WhereOneOutputCannotBeWrittenNoneAppears()
    {
        var outputs = new[] { (Path.Combine(folder, "out"), new byte[] { 1 }), (Path.Combine(folder, "missing", "report"), new byte[] { 2 }) };
        foreach (var order in new[] { outputs, [.. outputs.Reverse()] })
        {
            Assert.Contains("report", Assert.Throws<CommandException>(() => Files.WriteAll(order)).Message);
            Assert.Empty(Names());
        }
    }

    [Fact]
    public void AWriteIntoNowhereFailsInOneLine()
    {
        var path = Path.Combine(folder, "missing", "out");
        var exception = Assert.Throws<CommandException>(() => Files.Write(path, [1]));
        Assert.Equal(ExitCode.CannotCreate, exception.Code);
        Assert.Contains(path, exception.Message);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void WritabilityIsCheckedBeforeTheWork()
    {
        Files.CheckWritable(Path.Combine(folder, "out"));
        Assert.Empty(Names());
        Assert.Equal(ExitCode.CannotCreate, Assert.Throws<CommandException>(() => Files.CheckWritable(folder)).Code);
        Assert.Equal(ExitCode.CannotCreate, Assert.Throws<CommandException>(() => Files.CheckWritable(Path.Combine(folder, "missing", "out"))).Code);
        Assert.Equal(ExitCode.CannotCreate, Assert.Throws<CommandException>(() => Files.CheckWritable("")).Code);
    }

    [Fact]
    public void AFileThatIsNotThereIsSaidToBeMissing()
    {
        foreach (var path in new[] { Path.Combine(folder, "missing"), Path.Combine(folder, "missing", "file") })
        {
            var exception = Assert.Throws<CommandException>(() => Files.Read(path));
            Assert.Equal((ExitCode.NoInput, $"cannot read {path}: there is no such file"), (exception.Code, exception.Message));
        }
    }

    [Fact]
    public void AFolderIsSaidToBeAFolder() =>
        Assert.Equal($"cannot read {folder}: it is a folder", Assert.Throws<CommandException>(() => Files.Read(folder)).Message);

    [Fact]
    public void AnEmptyPathIsNoFile() => Assert.Equal(ExitCode.NoInput, Assert.Throws<CommandException>(() => Files.Read("")).Code);

    private IEnumerable<string> Names() => Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!);
}
