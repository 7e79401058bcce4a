return await Mewe.Silo.SiloProgram.RunAsync(args);
