using System.CommandLine;
namespace Mewe.Client.Verbs;
internal static class ShowVerb { public static Command Command() => new("show", "later"); }
